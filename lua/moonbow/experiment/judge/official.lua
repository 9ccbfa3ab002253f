--- A split that the files give: a column whose cells say which spectra are for training and which for tests.
local check = require "moonbow.check"

local official = {}

local words = {}
for word in ("train training calibration calibrate cal learn"):gmatch "%a+" do words[word] = "train" end
for word in ("test testing validation validate valid val prediction predict external"):gmatch "%a+" do
  words[word] = "test"
end

-- "train" or "test", by the only such word in the last part of a path or in a cell; else nil.
local function role_of(cell)
  local role
  for word in cell:match "[^/\\]*$":lower():gmatch "%a+" do
    local own = words[word]
    if own and role and own ~= role then return nil end
    role = own or role
  end
  return role
end

--- Returns the rows for training, and a list of parts for tests { name, rows }, one for each different cell.
-- @param column its name, for messages
-- @param cells of the spectra
function official.rows(column, cells)
  local train, parts, by_name = {}, {}, {}
  for i, cell in ipairs(cells) do
    local role = role_of(cell)
    if not role then
      check.fail("--split " .. column, "spectrum %d: expected a cell such as train or calibration, test or validation, "
        .. "got %s", i, check.show(cell))
    end
    if role == "train" then
      train[#train + 1] = i
    else
      local part = by_name[cell]
      if not part then
        part = { name = cell:match "[^/\\]*$", rows = {} }
        by_name[cell], parts[#parts + 1] = part, part
      end
      part.rows[#part.rows + 1] = i
    end
  end
  if #train == 0 or #parts == 0 then
    check.fail("--split " .. column, "no spectrum is for %s", #train == 0 and "training" or "tests")
  end
  return train, parts
end

--- Returns all test rows of the parts.
function official.test_rows(parts)
  local rows = {}
  for _, part in ipairs(parts) do table.move(part.rows, 1, #part.rows, #rows + 1, rows) end
  return rows
end

return official
