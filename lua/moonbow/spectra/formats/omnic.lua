--- Thermo OMNIC SPA, of one spectrum, and SPG, of several.
local core = require "moonbow.core"
local header = require "moonbow.spectra.omnic.header"

local omnic = { name = "omnic", title = "OMNIC" }

function omnic.matches(source) return source.bytes:sub(1, 18) == "Spectral Data File" end

-- Keys of the table of contents.
local HEADER, VALUES, COMMENT, HISTORY, SAMPLE, BACKGROUND, TITLE = 2, 3, 4, 27, 102, 103, 107
local COUNT, TABLE, ENTRY = 294, 304, 16 -- offsets, and bytes of an entry
local HEADER_SIZE, TITLE_SIZE = 100, 256 -- bytes that are read

-- Reads the table: lists of { at, size } by key.
local function read_table(source)
  source:need(0, TABLE, "an OMNIC header")
  local entries = setmetatable({}, { __index = function(t, key) t[key] = {} return t[key] end })
  for i = 0, source:number(COUNT, "u2") - 1 do
    local at = TABLE + ENTRY * i
    local entry = { at = source:number(at + 2, "u4"), size = source:number(at + 6, "u4") }
    table.insert(entries[source:number(at, "u1")], entry)
  end
  return entries
end

local function text_at(source, entry)
  return entry and source:field(entry.at, math.min(entry.size, math.max(0, #source.bytes - entry.at))) or ""
end

-- Adds what the file says of the spectra in its only comment and history, or of spectrum i.
local function describe(source, entries, i, metadata)
  local function add(name, key)
    local list = entries[key]
    local text = text_at(source, #list == #entries[HEADER] and list[i] or #entries[HEADER] == 1 and list[1])
    source:claim(#text)
    if text ~= "" then metadata[name] = text end
  end
  add("comment", COMMENT)
  add("history", HISTORY)
end

-- The record of title and date of spectrum i; nil if the file has not one for each.
local function own_title(entries, i) return #entries[TITLE] == #entries[HEADER] and entries[TITLE][i] or nil end

-- Title and date of spectrum i: its own in a group; else those of the file.
local function title_of(source, entries, i)
  local own = own_title(entries, i)
  if not own then return source:field(30, TITLE_SIZE), header.date(source:number(296, "u4")) end
  return source:field(own.at, TITLE_SIZE), header.date(source:number(own.at + TITLE_SIZE, "u4"))
end

local function is_whole(source, at, size) return at <= #source.bytes and size <= #source.bytes - at end

-- Reads spectrum i; nil if the file ends before its header, values or title do.
local function read_one(source, entries, i)
  local own = own_title(entries, i)
  if not is_whole(source, entries[HEADER][i].at, HEADER_SIZE) then return nil end
  if own and not is_whole(source, own.at, TITLE_SIZE + 4) then return nil end
  local h, values = header.read(source, entries[HEADER][i].at), entries[VALUES][i]
  if h.points < 1 or 4 * h.points > values.size then
    source:fail("byte %d: %d points, but room for %d", values.at, h.points, values.size // 4)
  end
  if not is_whole(source, values.at, 4 * h.points) then return nil end
  source:claim(4 * h.points)
  h.y = core.reshape(source:tensor(values.at, h.points, "f4"), 1, h.points)
  h.title, h.metadata.date = title_of(source, entries, i)
  describe(source, entries, i, h.metadata)
  return h
end

local function same_axis(a, b)
  return a.points == b.points and a.first == b.first and a.last == b.last and a.unit == b.unit
    and a.decided == b.decided
end

-- A block of spectra that follow each other on one axis.
local function block_of(source, list)
  local first, rows, names, metadata, dates = list[1], {}, {}, {}, {}
  for i, h in ipairs(list) do
    rows[i], names[i], metadata[i], dates[i] = h.y, h.title, h.metadata, h.metadata.date or ""
    if names[i] == "" then names[i] = ("%s #%d"):format(source.name, i) end
  end
  return { x = source.even(first.first, first.last, first.points), y = #rows == 1 and rows[1] or core.concat(rows, 1),
    unit = first.unit, axis = first.axis, quantity = first.quantity, percent = first.percent, decided = first.decided,
    names = names, metadata = metadata, columns = { "date" }, labels = { date = dates } }
end

-- Groups spectra that follow each other on one axis.
local function blocks_of(source, list)
  local blocks, group = {}, {}
  for i, h in ipairs(list) do
    group[#group + 1] = h
    if not list[i + 1] or not same_axis(h, list[i + 1]) then
      blocks[#blocks + 1], group = block_of(source, group), {}
    end
  end
  if #list == 1 then blocks[1].columns, blocks[1].labels = nil, nil end
  return blocks
end

-- ---- interferograms, from which a spectrum was made ----

local interferograms = { ["sample interferogram"] = SAMPLE, ["background interferogram"] = BACKGROUND }

local function names_of(source, entries)
  local names = {}
  for name, key in pairs(interferograms) do
    if #entries[key] > 0 and 4 <= entries[key][1].size and entries[key][1].at < #source.bytes then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

local function read_interferogram(source, entries, name)
  local entry = entries[interferograms[name]][1]
  local count = entry.size // 4
  local y, title, date = source:tensor(entry.at, count, "f4"), title_of(source, entries, 1)
  return { { x = source.even(1, count, count), y = y, unit = "points", axis = "points", quantity = "interferogram",
    decided = "block " .. name, names = { title ~= "" and title or nil }, metadata = { date = date } } }
end

-- ---- the file ----

-- The spectra that options.block asks for: all, or one by its number.
local function chosen(source, entries, others)
  local count, block = #entries[HEADER], source:wanted "block"
  if block == nil then return 1, count end
  if math.type(block) and block <= count then return block, block end
  source:fail("block = %s: the file holds spectra 1 to %d%s", tostring(block), count,
    #others > 0 and ", " .. table.concat(others, ", ") or "")
end

function omnic.read(source)
  local entries = read_table(source)
  local others, count = names_of(source, entries), #entries[HEADER]
  for _, name in ipairs(others) do
    if source:wanted "block" == name then return read_interferogram(source, entries, name) end
  end
  if count == 0 or #entries[VALUES] ~= count then
    source:fail("OMNIC with %d headers and %d blocks of values is not read", count, #entries[VALUES])
  end
  local list, first, last = {}, chosen(source, entries, others)
  for i = first, last do list[#list + 1] = read_one(source, entries, i) end
  if #list < last - first + 1 then source:cut(#list, last - first + 1, "spectra") end
  if #list == 0 then source:fail("no whole spectrum is there") end
  if #others > 0 then source:note("the file also holds %s", table.concat(others, ", ")) end
  return blocks_of(source, list)
end

return omnic
