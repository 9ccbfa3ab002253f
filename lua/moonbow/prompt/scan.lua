--- The open string, comment and brackets at the end of an unfinished piece of Lua, and the calls of the brackets.
local scan = {}

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do
  keywords[word] = true
end

--- The words that are no names.
scan.keywords = keywords

-- "[12]", '["text"]' or "['text']" at the end of a text: the text before it, and the key.
local function index_at_end(text)
  local before, number = text:match "^(.*)%[%s*(%-?%d+)%s*%]$"
  if before then return before, math.tointeger(number) end
  before, number = text:match "^(.*)%[%s*\"([^\"\\]*)\"%s*%]$"
  if before then return before, number end
  return text:match "^(.*)%[%s*'([^'\\]*)'%s*%]$"
end

-- The text before the arguments of a call at the end of a text: "(...)", "{...}", or a string.
local function call_at_end(text)
  local before = text:match "^(.-)%b()$" or text:match "^(.-)%b{}$" or text:match "^(.-)(['\"])[^'\"]*%2$"
  local name = before and before:match "([%w_%]%)}\"']+)%s*$"
  return name and not keywords[name] and before or nil
end

--- Stands in a chain for a call, with any arguments.
scan.CALL = setmetatable({}, { __name = "call" })

local MOST = 1000 -- bytes before the end that are looked at, so that a long text takes no time

--- The name at the end of a text: "y = set.train.x" has the steps { "set", "train", "x" }, of which the first is
-- a global name. Nil if no name or value stands there. A value that begins with neither a name nor a call, as
-- ("a"):rep(2), gives the field unknown = true, and the steps behind it.
-- @return { steps..., method = the last step follows a colon, unknown }; each step a name, an index, or scan.CALL
function scan.chain(text)
  local steps, rest = {}, text:sub(-MOST)
  repeat
    rest = rest:match "^(.-)%s*$"
    local before, key = index_at_end(rest)
    if not before then before, key = call_at_end(rest), scan.CALL end
    if before then
      table.insert(steps, 1, key)
      rest = before
    else
      local head, name = rest:match "^(.-)([%a_][%w_]*)$"
      if not name or keywords[name] then break end
      table.insert(steps, 1, name)
      local earlier, separator = head:match "^(.-)%s*([.:])%s*$"
      if not separator or earlier:find "[.:]$" then return steps end
      if separator == ":" then steps.method = #steps == 1 or steps.method end
      rest = earlier
    end
  until rest == ""
  if #steps == 0 and not rest:find "[%)%]}\"']$" then return nil end
  steps.unknown = true
  return steps
end

-- Moves past the long bracket, the string or the comment that begins at i. Returns the place behind it, or nil and
-- { quote, from } if it does not end.
local function skip(text, i)
  local comment = text:match("^%-%-()", i)
  local level, inside = text:match("^%[(=*)%[()", comment or i)
  if level then
    local _, last = text:find("]" .. level .. "]", inside, true)
    if last then return last + 1 end
    return nil, { quote = comment and "--" or "[", from = inside }
  end
  if comment then
    local line_end = text:find("\n", comment, true)
    if line_end then return line_end end
    return nil, { quote = "--", from = comment }
  end
  local quote, from = text:sub(i, i), i + 1
  local j = from
  while j <= #text do
    local byte = text:sub(j, j)
    if byte == "\\" then j = j + 1 elseif byte == quote or byte == "\n" then return j + 1 end
    j = j + 1
  end
  return nil, { quote = quote, from = from }
end

local closers = { [")"] = "(", ["]"] = "[", ["}"] = "{" }

local function read_byte(open, text, i, byte)
  local top = open[#open]
  if byte == "(" or byte == "[" or byte == "{" then
    open[#open + 1] = { byte = byte, begin = i, at = i, argument = 1, keys = {} }
  elseif closers[byte] then
    if top and top.byte == closers[byte] then open[#open] = nil end
  elseif top and (byte == "," or byte == ";") then
    top.argument, top.at = top.argument + 1, i
  elseif top and top.byte == "{" and byte == "=" and not text:find("^[=]", i + 1) then
    local key = text:sub(top.at + 1, i - 1):match "^%s*([%a_][%w_]*)%s*$"
    if key then top.keys[key], top.at = true, i end
  end
end

-- Gives the open brackets the calls or keys that they belong to.
local function name_brackets(open, text)
  for depth, bracket in ipairs(open) do
    local before = text:sub(math.max(1, bracket.begin - MOST), bracket.begin - 1)
    local key = bracket.byte == "{" and before:match "%f[%w_]([%a_][%w_]*)%s*=%s*$"
    if not key then bracket.callee = scan.chain(before) end
    local outer = open[depth - 1]
    if key and outer and outer.byte == "{" then bracket.key = key end
  end
  return open
end

--- Reads a piece of Lua that may end anywhere.
-- @return { brackets, the outermost first: each { byte, argument = the number of the argument at the end, keys =
--   the set of the keys given, callee = the chain that it calls, key = the key whose value it is, at = the place before
--   the argument or value } }; and { quote, from = its first byte } if the text ends in a string or comment
function scan.open(text)
  local open, i = {}, 1
  while true do
    i = text:find("[%(%[{%)%]},;=\"'%-]", i)
    if not i then return name_brackets(open, text) end
    local byte = text:sub(i, i)
    if byte == '"' or byte == "'" or text:find("^%[=*%[", i) or text:find("^%-%-", i) then
      local behind, unfinished = skip(text, i)
      if not behind then return name_brackets(open, text), unfinished end
      i = behind
    else
      read_byte(open, text, i, byte)
      i = i + 1
    end
  end
end

return scan
