--- XML of instruments, read by expat through the module lxp (lua-expat): as events, or as a small tree.
--
-- Bounded: documents with a document type are refused, so there are no entities that grow, and nothing outside the
-- file is read; levels are at most mb.limits.depth, elements of a tree mb.limits.entries. Texts are parts of the file.
local let_go = require "moonbow.io.let_go"
local limits = require "moonbow.io.limits"
local optional = require "moonbow.io.optional"

local xml = {}

local HEAD = 4096 -- bytes in which the first element starts
local MISSING = "reading it needs lua-expat, which is not installed (Debian: lua-expat, luarocks: luaexpat)"

-- What expat says of a document that ends early.
local cuts = { ["no element found"] = true, ["unclosed token"] = true, ["unclosed CDATA section"] = true,
  ["partial character"] = true }

-- Names of 8-bit encodings that expat does not know and that agree with Latin-1 in letters and signs of units.
local like_latin1 = { ["windows-1252"] = true, ["cp1252"] = true, ["latin1"] = true, ["latin-1"] = true,
  ["iso-8859-15"] = true }

local function declared_encoding(bytes)
  local name = bytes:sub(1, 200):match "^[^<]*<%?xml[^>]-encoding%s*=%s*[\"']([^\"']*)"
  return name and name:lower()
end

-- Returns the first bytes of the pieces of a text; and true if it is neither UTF-8 nor holds zeros, as UTF-16 does.
local function look_at(pieces)
  local head, rest, is_utf8, has_zero = nil, "", true, false
  pieces(function(piece)
    head = head or piece:sub(1, HEAD)
    piece = rest .. piece
    rest = piece:match("[\xc2-\xf4][\x80-\xbf]?[\x80-\xbf]?$", -3) or "" -- a letter may go on in the next piece
    is_utf8 = is_utf8 and utf8.len(piece, 1, #piece - #rest) ~= nil
    has_zero = has_zero or piece:find("\0", 1, true) ~= nil
  end)
  return head or "", not has_zero and not (is_utf8 and utf8.len(rest))
end

-- Returns the encoding to be set, or nil to let expat choose; true if the text is not what it says.
local function encoding_of(pieces)
  local head, is_latin1 = look_at(pieces)
  local mark = head:sub(1, 2)
  if mark == "\255\254" or mark == "\254\255" then return "UTF-16" end
  local name = declared_encoding(head)
  if name and like_latin1[name] then return "ISO-8859-1" end
  if (not name or name == "utf-8") and is_latin1 then return "ISO-8859-1", true end
end

-- The name without its namespace's prefix. Anchored: "[^:]*$" takes the square of the length of the prefix.
local function plain(name) return name:match "^.*:(.*)" or name end

-- Returns a table of plain names by full ones, which fills itself: a document repeats few names.
local function plain_names()
  return setmetatable({}, { __index = function(names, name)
    names[name] = plain(name)
    return names[name]
  end })
end

--- Returns the name of the first element, without its prefix; nil if the bytes are not XML.
function xml.root(bytes)
  local head = bytes:sub(1, HEAD):gsub("%z", ""):gsub("^[\128-\255]*%s*", "")
  if head:sub(1, 1) ~= "<" then return nil end
  head = head:gsub("<[?].-[?]>", ""):gsub("<!%-%-.-%-%->", "")
  local name = head:match "^%s*<([%a_][%w_:.-]*)[%s/>]" or head:match "^%s*<!DOCTYPE%s+([%a_][%w_:.-]*)"
  return name and plain(name)
end

-- A text of several parts, between which other elements stand, is a list of them until the element ends. Of the blanks
-- between elements, which can be many, one part is kept.
local function add_text(have, text)
  if have == "" then return text end
  local last = type(have) == "string" and have or have[#have]
  if last:find("%s", -1) and not text:find "%S" then return have end
  if type(have) == "string" then return { have, text } end
  have[#have + 1] = text
  return have
end

local function joined(text) return type(text) == "table" and table.concat(text) or text end

-- The callbacks of expat, which keep the texts of the open elements in a stack.
local function callbacks(source, place, begin, finish)
  local texts, depth, names = {}, 0, plain_names()
  return {
    StartElement = function(_, name, attributes)
      depth = depth + 1
      if depth > limits.depth then source:fail("%smore levels than limits.depth = %d", place, limits.depth) end
      texts[depth] = ""
      begin(names[name], attributes)
    end,
    CharacterData = function(_, text) texts[depth] = add_text(texts[depth], text) end,
    EndElement = function(_, name)
      local text = joined(texts[depth])
      depth = depth - 1
      finish(names[name], text)
    end,
    StartDoctypeDecl = function() source:fail("%sXML with a document type (DTD) is not read", place) end,
  }, function() return depth, texts end
end

-- Ends the reading; or, if the document is cut off and partial = true, returns where.
local function report(source, place, depth, message, line, column)
  if not cuts[message] or depth == 0 then source:fail("%sline %d, column %d: %s", place, line, column, message) end
  local text = ("%sline %d: the file is cut off: %d elements are not closed"):format(place, line, depth)
  if not source.options.partial then source:fail("%s; partial = true reads what is complete", text) end
  source:note("%s", text)
end

--- Reads a document: calls begin(name, attributes) at the start of each element and finish(name, text) at its end.
-- Names are without prefixes; the text is the element's own. Faults name the line.
-- @param content string; or function(put) that calls put(piece) for its pieces: archive.pieces
-- @param part name of the member of an archive that the bytes are of; nil: the file itself
-- @return true; false if the document is cut off and partial = true, and the list of texts of the open elements
function xml.events(source, content, part, begin, finish)
  local lxp, reason = optional("lxp", MISSING)
  if not lxp then source:fail("%s", reason) end
  local place = part and part .. ": " or ""
  local calls, state = callbacks(source, place, begin, finish)
  local parser = lxp.new(calls)
  local pieces = type(content) == "string" and function(put) put(content) end or content
  local encoding, is_guess = encoding_of(pieces)
  if encoding then parser:setencoding(encoding) end
  if is_guess then source:note("%snot UTF-8; read as Latin-1", place) end
  local ok, message, line, column = true, nil, nil, nil
  pieces(function(piece)
    if ok then ok, message, line, column = parser:parse(piece) end
  end)
  if ok then ok, message, line, column = parser:parse() end
  if ok then
    parser:close()
    return true
  end
  local depth, texts = state()
  report(source, place, depth, message, line, column)
  return false, texts
end

--- Reads a document into a tree of elements { name, attributes, text, child, child, ... }. If it is cut off and partial
-- = true, the elements that were not closed have open = true.
-- @param content as for xml.events
-- @param leaf name of elements of which there are many: add(parent, text) is called in place of making them
-- @return the root
function xml.tree(source, content, part, leaf, add)
  local path, count, root, any_leaf = {}, 0, nil, {}
  local function begin(name, attributes)
    count = count + 1
    if count > limits.entries then
      source:fail("more than %d elements; limits.entries = %d", limits.entries, limits.entries)
    end
    local parent = path[#path]
    if parent and name == leaf then
      path[#path + 1] = any_leaf
      return
    end
    local element = { name = name, attributes = attributes }
    if parent then parent[#parent + 1] = element else root = element end
    path[#path + 1] = element
  end
  local function finish(_, text)
    local element, parent = path[#path], path[#path - 1]
    path[#path] = nil
    if element == any_leaf then add(parent, text) else element.text = text end
  end
  local _, texts = xml.events(source, content, part, begin, finish)
  for i, element in ipairs(path) do element.open, element.text = true, joined(texts[i]) end
  return root
end

--- Reads the file into a tree, whose texts take its place: the bytes are let go of.
function xml.whole(source)
  local root = xml.tree(source, source.bytes)
  source.bytes = nil
  let_go(source.size)
  return root
end

--- Returns the first child with a name; nil if there is none.
function xml.child(element, name)
  for _, child in ipairs(element) do
    if child.name == name then return child end
  end
end

--- Returns all children with a name.
function xml.children(element, name)
  local found = {}
  for _, child in ipairs(element) do
    if child.name == name then found[#found + 1] = child end
  end
  return found
end

--- Calls visit(element) for an element and all below it, in the order of the document.
function xml.each(element, visit)
  visit(element)
  for _, child in ipairs(element) do xml.each(child, visit) end
end

--- Returns the element at a path of names, such as "header/author/name"; nil if there is none.
function xml.at(element, path)
  for name in path:gmatch "[^/]+" do
    element = element and xml.child(element, name)
  end
  return element
end

--- Returns the text of the element at a path, without blanks around it; nil if there is none, or no text.
function xml.text(element, path)
  local found = xml.at(element, path)
  return found and found.text:find "%S" and found.text:match "^%s*(.*%S)" or nil
end

return xml
