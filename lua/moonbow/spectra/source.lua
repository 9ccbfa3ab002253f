--- A file that a reader reads: its bytes, bounded access to them, and the faults that end a reading.
--
-- A reader never checks for the end of the file itself: access beyond it raises a fault, which names the offset and
-- which the door turns into nil and a message.
local lfs = require "lfs"
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local gzip = require "moonbow.io.gzip"
local let_go = require "moonbow.io.let_go"
local limits = require "moonbow.io.limits"
local trim = require "moonbow.io.trim"

local Source = {}
Source.__index = Source

local Fault = {} -- class of what a reader raises if the file is wrong

-- { [list of notes] = { [note] = true } }: sources share lists.
local noted = setmetatable({}, { __mode = "k", __index = function(noted, notes)
  noted[notes] = {}
  return noted[notes]
end })

-- Bytes and letter of string.unpack by type, named as NumPy does.
local types = { u1 = { 1, "I1" }, i1 = { 1, "i1" }, u2 = { 2, "I2" }, i2 = { 2, "i2" }, u4 = { 4, "I4" },
  i4 = { 4, "i4" }, u8 = { 8, "I8" }, i8 = { 8, "i8" }, f4 = { 4, "f" }, f8 = { 8, "d" } }

--- Opens a file, which may be packed by gzip. Returns the source, or nil and a message.
-- @param options of mb.spectra.read
function Source.open(path, options)
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  if gzip.is(bytes) then
    local content, why = gzip.unpack(bytes)
    if not content then return nil, ("%s: %s"):format(check.printable(path), why) end
    bytes = content
  end
  return Source.of(bytes, path, options)
end

--- Makes a source of bytes, which stand in the file at path.
function Source.of(bytes, path, options)
  local name = path:match "[^/]*$":gsub("%.gz$", "")
  return setmetatable({ bytes = bytes, size = #bytes, path = path, name = name, options = options or {}, notes = {},
    companions = {} }, Source)
end

--- Ends the reading with a message; arguments as for string.format.
function Source.fail(_, format, ...)
  error(setmetatable({ message = check.printable(format:format(...)) }, Fault), 0)
end

--- Returns an option that chooses a part of the file, "block" or "axis". A reader that asks for it heeds it: the door
-- chooses or refuses for those that do not.
function Source:wanted(option)
  self.heeded = self.heeded or {}
  self.heeded[option] = true
  return self.options[option]
end

--- Adds a note, which the set keeps: what was left out or interpreted. Each text is kept once.
function Source:note(format, ...)
  local notes, text = self.notes, check.printable(format:format(...))
  if noted[notes][text] then return end
  noted[notes][text] = true
  table.insert(notes, text)
end

--- Says that the file ends before its content does: ends the reading unless partial = true, which leaves a note.
-- @param have, want what could be read, and what the file announces: "700 of 1024 points"
function Source:cut(have, want, what)
  local text = ("the file is cut off: %s of %s %s are there"):format(have, want, what)
  if not self.options.partial then self:fail("%s; partial = true reads them", text) end
  self:note("%s", text)
end

--- Raises a fault unless `count` bytes follow the offset (from 0).
function Source:need(offset, count, what)
  if offset >= 0 and count >= 0 and offset <= #self.bytes and count <= #self.bytes - offset then return end
  self:fail("byte %d: expected %d bytes of %s, the file ends at byte %d", offset, count, what or "content", #self.bytes)
end

--- Counts bytes of a block that is kept. Raises a fault if the blocks so far have more bytes than the file: they
-- overlap, so that a small file could hold any number of spectra.
function Source:claim(count)
  self.claimed = (self.claimed or 0) + count
  if self.claimed > #self.bytes then
    self:fail("its blocks overlap: they have %d bytes in a file of %d", self.claimed, #self.bytes)
  end
end

--- Reads one number at an offset (from 0), little-endian unless order is ">".
-- @param type "u1", "i2", "f4", ...
function Source:number(offset, type, order)
  local size, letter = table.unpack(types[type])
  self:need(offset, size, "a number")
  return (string.unpack((order or "<") .. letter, self.bytes, offset + 1))
end

--- Returns bytes as a string.
function Source:text(offset, count)
  self:need(offset, count, "text")
  return self.bytes:sub(offset + 1, offset + count)
end

--- Returns text as UTF-8: bytes that are none are taken as Latin-1, as Windows programs write them.
function Source.as_utf8(text)
  if utf8.len(text) then return text end
  return (text:gsub("[\128-\255]", function(c) return utf8.char(c:byte()) end))
end

--- Returns the text of a field in UTF-8: up to its first NUL, without blanks around it.
function Source:field(offset, count)
  return Source.as_utf8(trim.both(self:text(offset, count):match "^%Z*"))
end

--- Reads numbers into a tensor of a shape (a count, or a list). Integers that float32 cannot hold, as the counts of a
-- strong peak, are rounded as reals are; a real beyond float32 raises a fault.
function Source:tensor(offset, shape, type, order)
  shape = math.type(shape) and { shape } or shape
  local count = 1
  for _, size in ipairs(shape) do
    if size < 1 then self:fail("byte %d: expected at least 1 number, got a size of %d", offset, size) end
    if size > limits.elements // count then
      self:fail("byte %d: %.0f numbers; limits.elements = %d", offset, (count + 0.0) * size, limits.elements)
    end
    count = count * size
  end
  self:need(offset, count * types[type][1], ("%d numbers"):format(count))
  local x, element = core.decode(self.bytes, offset + 1, type, order == ">", shape, true)
  return x or self:fail("byte %d: number %d is beyond float32", offset, element)
end

local MOST_UNPACKED = 128 -- values of one string.unpack, which returns them on the stack

--- Reads numbers into a list, which keeps reals of 64 bits, as an axis needs them.
function Source:list(offset, count, type, order)
  local size, letter = table.unpack(types[type])
  self:need(offset, count * size, ("%d numbers"):format(count))
  local list, format = {}, (order or "<") .. letter:rep(MOST_UNPACKED)
  for first = 1, count, MOST_UNPACKED do
    local some = math.min(MOST_UNPACKED, count - first + 1)
    if some < MOST_UNPACKED then format = (order or "<") .. letter:rep(some) end
    local values = table.pack(string.unpack(format, self.bytes, offset + (first - 1) * size + 1))
    table.move(values, 1, some, first, list)
  end
  return list
end

-- Decodes the bytes that `bytes` returns: on the way to the decoder nothing else holds them. A Ctrl-Z at the end, which
-- programs of DOS write, is left out.
local function decode(source, bytes)
  source.decoded, source.nul, source.encoding, source.others = core.to_utf8(bytes())
  if source.decoded:find("\26%s*$", -64) then source.decoded = trim.right(source.decoded, "\26%s") .. "\n" end
end

--- Returns the content as UTF-8 text with line breaks "\n", without a byte order mark. UTF-16 is recognised; lines that
-- are not UTF-8 are taken for Windows-1252, of which Latin-1 is a part.
function Source:as_text()
  if not self.decoded then decode(self, function() return self.bytes end) end
  return self.decoded
end

--- Returns the text as as_text does, for the format that was chosen: the bytes are not kept beside it.
function Source:take_text()
  if not self.decoded then
    decode(self, function()
      local given = self.bytes
      self.bytes = nil
      return given
    end)
  elseif self.bytes ~= self.decoded then -- a format looked at the text before
    self.bytes = nil
    let_go(self.size)
  end
  self.bytes = self.decoded
  return self.decoded
end

--- Notes how the text was decoded, if it was not UTF-8. To be called by the reader that takes it.
function Source:note_encoding()
  if self.encoding == "UTF-16" then self:note "read as UTF-16" end
  if self.others then
    self:note("%s not UTF-8, read as Windows-1252", self.others == 1 and "1 line is" or self.others .. " lines are")
  end
end

--- Returns an evenly spaced axis of `count` points from first to last, both exactly.
function Source.even(first, last, count)
  return core.even_list(first, last, count)
end

-- The path of a file beside this one that has a name; nil if none is there, or only a pipe, which would be waited for.
-- Capital and small letters are tried in the suffix and in all of the name: to list the folder for each of its files
-- would take time that grows as their square.
local function find_beside(path, name)
  local folder = path:match "^.*/" or ""
  local stem, suffix = name:match "^(.-)(%.?[^.]*)$"
  for _, spelling in ipairs { name, stem .. suffix:lower(), stem .. suffix:upper(), name:lower(), name:upper() } do
    if lfs.attributes(folder .. spelling, "mode") == "file" then return folder .. spelling end
  end
end

--- Opens the file beside this one that has a name. Returns nil if there is none. The door does not read such a
-- companion once more. A format marks others that belong to this file but are not opened by
-- source.companions[path] = true.
-- @param name with the letters as they are, or its suffix or all of it in small or in capital letters
function Source:beside(name)
  local path = find_beside(self.path, name)
  if not path then return nil end
  local other, err = Source.open(path, self.options)
  if not other then self:fail("%s", err) end
  other.notes, self.companions[path] = self.notes, true
  return other
end

--- Opens the file beside this one whose name differs by its suffix alone, as that of ENVI's header does.
-- @param suffix ".hdr"; its letters as in Source:beside
function Source:sibling(suffix) return self:beside(self.name:gsub("%.[^.]*$", "") .. suffix) end

--- Calls f(...), which reads. Returns what it returns; or nil and the message of a fault.
function Source.try(f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local reason = results[2]
  if getmetatable(reason) == Fault then return nil, reason.message end
  if type(reason) == "string" and reason:find("not enough memory", 1, true) then return nil, "not enough memory" end
  error(reason, 0)
end

return Source
