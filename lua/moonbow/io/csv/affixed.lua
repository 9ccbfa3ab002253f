--- Names of columns with a number in them, which may be an axis: "X400.5" as R writes it, "wn_400", "400 cm-1".
local core = require "moonbow.core"

local affixed = {}

local FEWEST = 3 -- names with the same text around their numbers

-- Returns what stands before the number, the number and what follows.
local function split(cell, decimal)
  local before, rest = cell:match "^([^%d]*)(%d.*)$"
  if not before or before:find '["+]' then return nil end
  local number = rest:match(decimal == "." and "^%d+%.?%d*" or "^%d+,?%d*")
  local after = rest:sub(#number + 1)
  if before == "" and after == "" or after:find "^[%d.,;:%-/]" then return nil end
  return before, core.csv_number(number, decimal), after
end

local function only_rises_or_falls(numbers)
  for i = 2, #numbers do
    if numbers[i] == numbers[i - 1] or (numbers[i] > numbers[i - 1]) ~= (numbers[2] > numbers[1]) then return false end
  end
  return true
end

--- Reads the numbers of the largest group of names with the same text around them.
-- @return { [column] = number }, and the texts { before, after }; an empty table if there is no such group of at least
--   three, whose numbers only rise or only fall
function affixed.read(cells, decimal)
  local groups, most = {}, nil
  for c, cell in ipairs(cells) do
    local before, number, after = split(cell, decimal)
    if number then
      local key = before .. "\0" .. after
      local group = groups[key] or { before = before, after = after, numbers = {}, columns = {} }
      groups[key] = group
      group.numbers[#group.numbers + 1], group.columns[#group.columns + 1] = number, c
      if not most or #group.numbers > #most.numbers then most = group end
    end
  end
  if not most or #most.numbers < FEWEST or not only_rises_or_falls(most.numbers) then return {} end
  local values = {}
  for i, c in ipairs(most.columns) do values[c] = most.numbers[i] end
  return values, { before = most.before, after = most.after }
end

return affixed
