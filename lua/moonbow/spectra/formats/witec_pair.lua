--- WITec's maps as two texts, one number in each line: NAME-x.dat with the axis and NAME-y.dat with the values,
-- spectrum by spectrum; or "NAME (X-Axis).txt" and "NAME (Y-Axis).txt".
local core = require "moonbow.core"
local check = require "moonbow.check"
local columns = require "moonbow.spectra.columns"
local numbers = require "moonbow.spectra.numbers"

local pair = { name = "witec_pair", title = "a pair of WITec text files" }

-- Names, and those of the companion.
local NAMES = { { "^(.*)%(X%-Axis%)(%.%w+)$", "(Y-Axis)", "x" }, { "^(.*)%(Y%-Axis%)(%.%w+)$", "(X-Axis)", "y" },
  { "^(.*[-_ ])[xX](%.%w+)$", "y", "x" }, { "^(.*[-_ ])[yY](%.%w+)$", "x", "y" } }

-- Returns the name of the companion, and which of both this is, "x" or "y".
local function names_of(name)
  for _, row in ipairs(NAMES) do
    local stem, suffix = name:match(row[1])
    if stem then return stem .. row[2] .. suffix, row[3] end
  end
end

--- A number in each line, and a name that has a companion.
function pair.matches(source)
  if not names_of(source.name) then return false end
  local lines = 0
  for line in source.bytes:sub(1, 1024):gmatch "([^\r\n]*)\r?\n" do
    if not line:find "^%s*[+-]?%d[%d.]*%f[^%d.][eE]?[+-]?%d*%s*$" then return false end
    lines = lines + 1
  end
  return lines > 1
end

function pair.read(source)
  local name, which = names_of(source.name)
  if not name then source:fail "expected a name such as map-x.dat, or 'map (X-Axis).txt', which has a companion" end
  local other = source:beside(name)
  if not other then source:fail("one number in each line, and %s is not beside it", name) end
  local x_source, y_source = source, other
  if which == "y" then x_source, y_source = other, source end
  local x = numbers.list_of(columns.list(x_source, columns.part(x_source:as_text()), x_source.name))
  local values, word = numbers.tensor(y_source:take_text())
  if not values then source:fail("%s: expected a number, got %s", y_source.name, check.show(word)) end
  local count = core.size(values, 1)
  if count % #x ~= 0 then
    source:cut(count // #x, count // #x + 1, ("spectra of %d points"):format(#x))
    values = core.narrow(values, 1, count // #x * #x)
  end
  return { { x = x, y = core.reshape(values, count // #x, #x) } }
end

return pair
