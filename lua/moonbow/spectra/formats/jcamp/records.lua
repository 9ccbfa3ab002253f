--- The labelled records of JCAMP-DX: lines "##NAME= value", and the lines below each up to the next.
--
-- A record is { name, key, head, first, last, line }: its name as written and without blanks and signs, the value in
-- its own line, the offsets of the lines below, and the number of the line where these begin.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local limits = require "moonbow.io.limits"

local records = {}

--- Returns "XYDATA" for "xy_data", " XY DATA ".
function records.key(name) return (name:upper():gsub("[%s%-/_]", "")) end

records.trim = columns.trim

-- Returns the offset of the next "##" at the start of a line, at or behind `from`, which starts a line.
local function next_record(text, from)
  if text:find("^[ \t]*##", from) then return from end
  local at = text:find("\n[ \t]*##", from)
  return at and at + 1
end

local function record_at(text, at, stop)
  local line, below = text:match("^[ \t]*##([^\n]*)()", at)
  local name, head = line:match "^([^=]*)=?(.*)$"
  return { name = records.trim(name), key = records.key(name), head = records.trim((head:gsub("%$%$.*", ""))),
    first = below + 1, last = stop - 1 }
end

local function number_lines(text, list)
  local line, from = 1, 1
  for _, record in ipairs(list) do
    if record.first > from then
      line, from = line + core.count_lines(text, from, math.min(record.first - 1, #text)), record.first
    end
    record.line = line
  end
end

--- Returns the records of a source's text.
function records.read(source)
  local text = source:take_text()
  local list, at = {}, next_record(text, 1)
  while at do
    if #list == limits.entries then source:fail("more than %d labels; limits.entries", #list) end
    local behind = text:find("\n", at, true)
    local following = behind and next_record(text, behind + 1)
    list[#list + 1] = record_at(text, at, following or #text + 1)
    at = following
  end
  number_lines(text, list)
  return list
end

--- Returns the lines below a record.
function records.body(text, record) return text:sub(record.first, record.last) end

--- Returns the whole value of a record without comments.
function records.value(text, record)
  local below = records.body(text, record)
  if below:find "^%s*$" then return record.head end
  return records.trim(record.head .. "\n" .. below:gsub("%$%$[^\n]*", ""))
end

return records
