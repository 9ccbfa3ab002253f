--- Integers as lines (X++(Y..Y)) of JCAMP-DX, AFFN and DIFDUP.
local asdf = {}

local WIDTH = 78 -- characters of a line; the standard allows 80

local LONGEST_RUN = 9 -- points of one DUP: readers in use take one digit of its count

-- The first digit of a number in SQZ, DIF and DUP form.
local SQZ, DIF = { "@ABCDEFGHI", "@abcdefghi" }, { "%JKLMNOPQR", "%jklmnopqr" }
local DUP = { "@STUVWXYZs", "" }

local function coded(value, codes)
  local digits = ("%.0f"):format(math.abs(value))
  local first = digits:byte() - 47
  return codes[value < 0 and 2 or 1]:sub(first, first) .. digits:sub(2)
end

--- Puts lines of numbers, each behind the abscissa of its first.
-- @param words list of numbers as text
-- @param abscissa function(i) -> text for point i
function asdf.put_affn(words, abscissa, put)
  local line
  for i, word in ipairs(words) do
    if line and #line + #word + 1 > WIDTH then
      put(line .. "\n")
      line = nil
    end
    line = (line or abscissa(i)) .. " " .. word
  end
  put(line .. "\n")
end

--- Puts integers as differences. Each line but the first begins with a check of the last point above.
function asdf.put_difdup(list, abscissa, put)
  local line, i = abscissa(1) .. coded(list[1], SQZ), 1
  while i < #list do
    local difference, run = list[i + 1] - list[i], 1
    while run < LONGEST_RUN and i + run < #list and list[i + run + 1] - list[i + run] == difference do run = run + 1 end
    local token = coded(difference, DIF) .. (run > 1 and coded(run, DUP) or "")
    if #line + #token > WIDTH then
      put(line .. "\n")
      line = abscissa(i) .. coded(list[i], SQZ)
    end
    line, i = line .. token, i + run
  end
  put(line .. "\n")
  if #list > 1 then put(abscissa(#list) .. coded(list[#list], SQZ) .. "\n") end
end

return asdf
