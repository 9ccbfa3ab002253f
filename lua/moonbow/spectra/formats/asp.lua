--- PerkinElmer's .asp: infrared spectra as a list of numbers: their count, first and last wavenumber, three codes, and
-- the values.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local Source = require "moonbow.spectra.source"

local asp = { name = "asp", title = "a PerkinElmer ASP file" }

local CODES = 6 -- numbers before the values

-- Each of the first lines is a number, the count is whole, the codes are small, and there are no more lines than the
-- first says.
function asp.matches(source)
  local lines = {}
  for line in source.bytes:sub(1, 512):gmatch "([^\r\n]*)\r?\n" do lines[#lines + 1] = line:match "^%s*(.-)%s*$" end
  local count = tonumber(lines[1] or "")
  if not count or count < 2 or #lines <= CODES then return false end
  for i, line in ipairs(lines) do
    local form = i == 1 and "^%d%d?%d?%d?%d?%d?%d?$" or i > 3 and i <= CODES and "^%d%d?$" or "^[+-]?%d[%d.eE+-]*$"
    if not line:find(form) then return false end
  end
  return core.count_lines(source.bytes) <= count + CODES + 2
end

function asp.read(source)
  local list = columns.list(source, columns.part(source:take_text()), "the file")
  local count, first, last = math.tointeger(list[1]), list[2], list[3]
  core.column_keep(list, CODES + 1, #list - CODES)
  local there = #list
  columns.check_count(source, there, count, "the spectrum")
  local step = (last - first) / (count - 1)
  source:note "the axis is taken to be in cm-1: the file names no unit"
  return { { y = columns.values(source, list, "the spectrum"), axis = "wavenumber", unit = "cm-1",
    x = Source.even(first, there == count and last or first + (there - 1) * step, there) } }
end

return asp
