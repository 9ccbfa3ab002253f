--- The forms of data tables: "(X++(Y..Y))", "(XY..XY)", "(XYA)".
local form = {}

local LONGEST = 100

local defaults = { XYDATA = "(X++(Y..Y))", RADATA = "(R++(A..A))", XYPOINTS = "(XY..XY)", PEAKTABLE = "(XY..XY)",
  DATATABLE = "(X++(Y..Y))", ASSIGNMENTS = "(XYA)", PEAKASSIGNMENTS = "(XYA)" }

-- Splits "F1Y" into symbols that are known, or else into letters, which digits may follow.
local function split(text, symbols)
  local order, at = {}, 1
  while at <= #text do
    local found = text:match("^%a%d*", at) or text:sub(at, at)
    for symbol in pairs(symbols) do
      if #symbol > #found and text:sub(at, at + #symbol - 1) == symbol then found = symbol end
    end
    order[#order + 1], at = found, at + #found
  end
  return order
end

--- Reads a form.
-- @param kind the key of the record
-- @param text "(F2++(Y..Y)), PROFILE"
-- @param symbols set of the variables' names
-- @return { lines = true, x, y } for lines of an abscissa and ordinates; { order = { "X", "Y", "A" } } for groups; or
--   nil
function form.read(kind, text, symbols)
  text = text:sub(1, LONGEST):upper():gsub("%s", "")
  if not text:find "^%(" then text = defaults[kind] end
  local x, y = text:match "^%(([%w]+)%+%+%(?([%w]+)%.%."
  if x then return { lines = true, x = x, y = y } end
  local group = text:match "^%(([%w]+)%.%." or text:match "^%(([%w]+)%)"
  local order = group and split(group, symbols)
  return order and #order > 1 and { order = order } or nil
end

return form
