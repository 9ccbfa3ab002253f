--- Pages of NTUPLES: which of them are read, and the labels of each.
local variables = require "moonbow.spectra.formats.jcamp.variables"

local ntuples = {}

local MOST_NAMED = 10 -- variables in a note

--- Keeps the pages of the first dependent variable, such as the real part; a note names the others.
function ntuples.first_variable(source, entries)
  local taken = entries[1].shape.y
  local kept, others, seen = {}, {}, {}
  for _, entry in ipairs(entries) do
    local y = entry.shape.y
    if not entry.ntuples or y.symbol == taken.symbol then
      kept[#kept + 1] = entry
    elseif not seen[y.symbol] and #others < MOST_NAMED then
      seen[y.symbol], others[#others + 1] = true, ("block = '%s' reads %s"):format(y.symbol, y.name or "it")
    end
  end
  if #others > 0 then
    source:note("%s (%s) is read; %s", taken.symbol, taken.name or "?", table.concat(others, ", "))
  end
  return kept
end

--- Forgets FIRST of the values of later pages, which is that of the first page unless a page has its own.
function ntuples.forget_first(entries)
  local seen = {} -- symbols by NTUPLES
  for _, entry in ipairs(entries) do
    local y, symbols = entry.shape.y, seen[entry.ntuples or entry] or {}
    if symbols[y.symbol] and not entry.page_labels.FIRST then y.first = nil end
    seen[entry.ntuples or entry], symbols[y.symbol] = symbols, true
  end
end

--- Notes pages that are missing, or ends the reading: the file is cut off, or was edited.
function ntuples.check_pages(source, entries)
  local seen, count = {}, 0
  for _, entry in ipairs(entries) do
    local page = entry.page or ""
    if not seen[page] then seen[page], count = true, count + 1 end
  end
  local symbol = (entries[1].page or ""):match "^%s*([%w]+)%s*="
  local announced = symbol and variables.dimension(entries[1], symbol:upper())
  if not announced or announced <= count then return end
  if entries[#entries].is_last then source:cut(count, announced, "pages") end
  source:note("the file announces %d pages, %d are there", announced, count)
end

-- Returns the name of the variable that numbers the pages, with its unit, and its value on a page.
local function page_label(entry)
  local symbol, value = (entry.page or ""):match "^%s*([%w]+)%s*=%s*(%S*)"
  if not symbol then return "page", entry.page or "" end
  local unit = variables.get(entry, symbol:upper()).unit
  return unit and unit ~= "" and ("%s (%s)"):format(symbol, unit) or symbol, value
end

local function same(a, b)
  for _, key in ipairs { "first", "last", "factor", "count" } do
    if a[key] ~= b[key] then return false end
  end
  return true
end

--- Reads pages. Those with equal axes share the list.
-- @param block_of the function of jcamp.lua that reads one table
function ntuples.read(source, entries, budget, block_of)
  local list = {}
  for i, entry in ipairs(entries) do
    local block = block_of(source, entry, budget)
    local before = list[i - 1]
    if before and entry.shape.lines and #before.x == #block.x and same(entries[i - 1].shape.x, entry.shape.x) then
      block.x = before.x
    end
    if #entries > 1 then
      local column, value = page_label(entry)
      block.columns, block.labels = { column }, { [column] = { value } }
      block.names = block.names and { ("%s, %s"):format(block.names[1], entry.page or i) }
    end
    list[i] = block
  end
  return list
end

return ntuples
