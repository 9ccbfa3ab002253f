--- The text with which data sets print themselves.
local core = require "moonbow.core"
local check = require "moonbow.check"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local report = {}

local MOST_CLASSES = 6 -- classes whose spectra are counted separately

local function keys_besides(t, ...)
  local names, leaves_out = {}, {}
  for _, name in ipairs { ... } do leaves_out[name] = true end
  for name in pairs(t) do
    if not leaves_out[name] then names[#names + 1] = tostring(name) end
  end
  table.sort(names)
  return #names > 0 and "; also " .. table.concat(names, ", ") or ""
end

-- "below 12, above 8", or "500 classes of 50 each".
local function class_counts(y, names)
  local counts, most, least = {}, 0, math.huge
  for _, class in ipairs(core.totable(y)) do
    class = class // 1 | 0
    counts[class] = (counts[class] or 0) + 1
  end
  local order = {}
  for class, count in pairs(counts) do
    order[#order + 1], most, least = class, math.max(most, count), math.min(least, count)
  end
  table.sort(order)
  if #order > MOST_CLASSES then
    return ("%d classes of %s each"):format(#order, most == least and most or ("%d to %d"):format(least, most))
  end
  local texts = {}
  for i, class in ipairs(order) do
    texts[i] = ("%s %d"):format(names and names[class] or "class " .. class, counts[class])
  end
  return table.concat(texts, ", ")
end

local function size_text(x)
  local shape = core.shape(x)
  local channels = shape[3] and shape[3] > 1 and (" in %d channels"):format(shape[3]) or ""
  return ("%s of %s%s"):format(check.show_count(shape[1], "spectrum", "spectra"),
    check.show_count(shape[2], "point"), channels)
end

--- A part of a data set: { x, y, ... }.
report.part = shown.kind("part of a data set", function(part)
  if not core.is_tensor(part.x) or not core.is_tensor(part.y) then return "part of a data set" end
  return ("%s: %s%s"):format(size_text(part.x), class_counts(part.y, part.classes),
    keys_besides(part, "x", "y", "classes"))
end)

local set_of = shown.kind("data set", function(set)
  local rows = {}
  for _, name in ipairs { "train", "validation", "test" } do
    local part = set[name]
    if part then rows[#rows + 1] = { name, size_text(part.x) .. ": " .. class_counts(part.y, set.classes) } end
  end
  local classes = {}
  for k, name in ipairs(set.classes or {}) do classes[k] = tostring(name) end
  return ("%s\nclasses: %s%s"):format(text_table.format(rows, { left = 2 }), shown.list(classes),
    keys_besides(set, "train", "validation", "test", "classes"))
end)

--- A data set: { train, validation, test, classes, ... }. Its parts print themselves, too, and know its classes.
function report.set(set)
  for _, name in ipairs { "train", "validation", "test" } do
    local part = set[name]
    if part then
      part.classes = set.classes
      report.part(part)
    end
  end
  return set_of(set)
end

return report
