--- The sets of an audit: training, validation and test spectra, with labels, samples and files.
local core = require "moonbow.core"
local check = require "moonbow.check"
local expected = require "moonbow.data.expected"
local labels = require "moonbow.data.labels"
local preprocess = require "moonbow.data.preprocess"
local sets = require "moonbow.train.sets"
local values_of = require "moonbow.data.values_of"

local parts = {}

local MOST_ROWS = 2000 -- of a part: more say little more, and cost time
local MOST_MACS, LEAST_MACS = 1e11, 1000 -- of a comparison of all pairs: seconds; of a pair, which Lua looks at
local CHECKED, TOLERANCE = 3, 1e-3 -- raw spectra that are prepared again, and how much that may differ

-- The files of the spectra, if all are known.
local function files_of(data)
  for _, path in ipairs(data.sources) do
    if not path:find "%S" then return nil end
  end
  return data.sources
end

local function is_spectra(data) return type(data) == "table" and values_of(data) ~= data end

-- "snv, standardize" of fitted steps; nil of none.
local function names_of(fitted)
  local names = {}
  for i, step in ipairs(fitted or {}) do names[i] = step.name end
  return #names > 0 and table.concat(names, ", ") or nil
end

-- The classes or numbers of a set of spectra, and what its columns say of each spectrum.
-- @param info what came with a model that was loaded, which prepares the spectra; nil for none
local function read_spectra(data, options, names, info)
  if not options.label then check.fail("audit", "label: expected the name of the label with the classes") end
  check.name("audit", "label", options.label, data.columns)
  local prepared, raw = data, data
  if info then prepared, raw = expected.prepared("audit", info, data) end
  local part = { x = prepared.x, axis = prepared.axis, unit = data.unit, files = files_of(data),
    steps = prepared.quantity == "preprocessed" and prepared.decided or names_of(info and info.preprocessing) }
  if part.steps and raw.quantity ~= "preprocessed" then
    part.raw, part.raw_axis, part.fitted = raw.x, raw.axis, info.preprocessing
  end
  if options.task == "number" then
    part.y = data:targets(options.label)
  else
    part.y, part.names = data:classes(options.label, names)
  end
  if type(options.groups) == "string" then
    part.groups = data.labels[options.groups]
    if not part.groups then check.fail("audit", "groups: no label %s", check.show(options.groups)) end
  end
  return part
end

-- Raises unless x is what the steps make of the raw spectra, judged by a few of them.
local function check_raw(name, part)
  local x, raw = part.x, check.kind("audit", name .. ".raw", part.raw, "tensor")
  if not (part.fitted and part.steps) then
    check.fail("audit", "%s.steps: expected the steps of mb.preprocess.fit, beside raw spectra, got %s", name,
      check.show(part.steps))
  end
  if core.rank(raw) ~= 3 or core.size(raw, 1) ~= core.size(x, 1) then
    check.fail("audit", "%s.raw: expected spectra (%d, L, C), as x, got shape %s", name, core.size(x, 1),
      check.show_shape(core.shape(raw)))
  end
  local few = math.min(core.size(x, 1), CHECKED)
  local made, given = preprocess.apply(part.fitted, core.narrow(raw, 1, few)), core.narrow(x, 1, few)
  local is_same = check.show_shape(core.shape(made)) == check.show_shape(core.shape(given))
  if not is_same or core.sum_squares(core.sub(made, given)) > TOLERANCE ^ 2 * core.sum_squares(given) then
    check.fail("audit", "%s.raw: expected the spectra of which the steps make x; they make others", name)
  end
end

local own_keys = { groups = true, files = true, steps = true, raw = true }

-- As sets.with_classes; labels that are no classes may be numbers that a network predicts.
local function with_classes(name, set)
  local ok, x, y = check.refusal(sets.with_classes, "audit", name, set)
  if ok then return x, y end
  check.rethrow("", x .. (x:find(name .. ".y:", 1, true) and '; of a network of numbers, say task = "number"'
    or ""))
end

-- A table { x, y }, which may have lists of groups and files beside what mb.fit takes, its steps and its raw spectra.
-- @param train the part of the training spectra, which have the same steps; nil for themselves
local function read_table(name, data, options, info, train)
  check.kind("audit", name, data, "table", "a set is { x = spectra, y = labels }")
  local plain = {}
  for key, value in pairs(data) do
    if not own_keys[key] then plain[key] = value end
  end
  local steps, fitted = data.steps and check.kind("audit", name .. ".steps", data.steps, "string|table"), nil
  if type(steps) == "table" then
    fitted = preprocess.check("audit", steps)
    steps = names_of(fitted)
  elseif not steps and train then
    steps, fitted = train.steps, train.fitted
  end
  local part = { groups = data.groups, files = data.files, axis = data.axis, names = data.classes, raw = data.raw,
    fitted = fitted, steps = steps or names_of(info and info.preprocessing) }
  if options.task == "number" then
    part.x, part.y = sets.with_targets("audit", name, plain)
  else
    part.x, part.y = with_classes(name, plain)
  end
  return part
end

local function pick(list, rows)
  if not list then return nil end
  local picked = {}
  for i, row in ipairs(rows) do picked[i] = list[row] end
  return picked
end

-- Row numbers by class, or by the first number that is to be predicted; those of a class in random order.
local function rows_by_class(y, seed)
  local n = core.size(y, 1)
  local keys, places = core.totable(core.slice(core.reshape(y, n, -1), 2, 1, 1)), core.totable(
    core.rng(seed):permutation(n))
  local rows = {}
  for i = 1, n do rows[i], keys[i] = i, keys[i][1] == keys[i][1] and keys[i][1] or math.huge end
  table.sort(rows, function(i, j)
    if keys[i] ~= keys[j] then return keys[i] < keys[j] end
    return places[i] < places[j]
  end)
  return rows
end

--- A part with at most count rows, drawn at random, as many of each class as it has of all, in their order.
function parts.draw(part, count, seed)
  local n = core.size(part.x, 1)
  if n <= count then return part end
  local by_class, rows = rows_by_class(part.y, seed), {}
  for i = 1, count do rows[i] = by_class[(2 * i - 1) * n // (2 * count) + 1] end
  table.sort(rows)
  local index, drawn = core.tensor(rows), setmetatable({ rows = pick(part.rows, rows) or rows }, { __index = part })
  drawn.x, drawn.y, drawn.raw = core.index(part.x, index), core.index(part.y, index),
    part.raw and core.index(part.raw, index)
  return drawn
end

-- How many pairs of spectra of a part are compared in a few seconds.
local function most_pairs(part) return MOST_MACS / math.max(core.size(part.x, 2) * core.size(part.x, 3), LEAST_MACS) end

--- As many rows of a part, of all that it has, as can be compared with each other.
function parts.among_themselves(part, seed)
  return parts.draw(part.all, math.max(MOST_ROWS, math.floor(math.sqrt(most_pairs(part)))), seed)
end

--- As many rows of two parts, of all that they have, as can be compared with those of the other.
function parts.across(one, other, seed)
  local function drawn(part, count)
    return parts.draw(part.all, math.max(MOST_ROWS, math.floor(most_pairs(part) / count)), seed)
  end
  other = drawn(other, one.n)
  return drawn(one, core.size(other.x, 1)), other
end

--- " 2000 of 6000 training spectra were looked at." of a part with drawn rows; "" of one with all.
function parts.tell(part)
  local n = core.size(part.x, 1)
  return n < part.n and (" %d of %d %s spectra were looked at."):format(n, part.n, part.name) or ""
end

-- What is known of all rows, of which some may be drawn.
local function count_all(name, part)
  local bad = core.describe(part.x)
  part.name = name == "train" and "training" or name
  part.all, part.n, part.labels, part.bad = part, core.size(part.x, 1), part.y, bad.nan + bad.inf
  return part
end

local function check_lists(name, part)
  for _, key in ipairs { "groups", "files" } do
    if part[key] then part[key] = labels.list("audit", name .. "." .. key, part[key], core.size(part.x, 1)) end
  end
end

local function read(name, data, options, names, info, train)
  local part = is_spectra(data) and read_spectra(data, options, names, info)
    or read_table(name, data, options, info, train)
  if not core.is_tensor(part.x) then
    check.fail("audit", "%s.x: expected spectra (N, L, C), got several inputs by name", name)
  end
  if core.rank(part.x) ~= 3 then
    check.fail("audit", "%s.x: expected spectra (N, L, C), got shape %s", name, check.show_shape(core.shape(part.x)))
  end
  if part.raw and not is_spectra(data) then check_raw(name, part) end
  local groups = options.groups
  if name == "train" and groups and not (is_spectra(data) and type(groups) == "string") then part.groups = groups end
  check_lists(name, part)
  return parts.draw(count_all(name, part), MOST_ROWS, options.seed)
end

local function read_axis(given, length)
  if given == nil then return nil end
  local axis = check.numbers("audit", "axis", given)
  if #axis == length then return axis end
  check.fail("audit", "axis: expected %d numbers, one for each point, got %d", length, #axis)
end

-- Raises for a key that may be a part by another name; what else a set holds is its own.
local function check_names(set)
  if getmetatable(set) ~= nil or set.x then return end
  local names = { "train", "validation", "test" }
  for key in pairs(set) do
    local nearest = type(key) == "string" and check.nearest(key, names)
    if nearest and set[nearest] == nil then
      check.fail("audit", "set: unknown key %s; did you mean '%s'?", check.show(key), nearest)
    end
  end
end

-- The parts by name as they were given.
local function given_parts(set, options)
  if not is_spectra(set) then check_names(set) end
  local given = {}
  if is_spectra(set) or set.x then given.train = set else given.train = set.train end
  given.validation = options.validation or not set.x and set.validation or nil
  given.test = options.test or not set.x and set.test or nil
  if not given.train then check.fail("audit", "set: expected { x, y }, or { train, validation, test }, or spectra") end
  return given
end

--- Reads the sets, those of spectra as a loaded model expects them. Returns { train, validation, test, names, axis,
-- unit }; each part has x (N, L, C) and y (N), of at most 2000 rows; name ("training", ...), n (the number of all
-- rows), labels (y of all), bad (NaN and infinite values), all (itself with all rows), and, if known, groups and files
-- (of all rows), steps (their names), and raw, the spectra of which the fitted steps make x, with raw_axis.
-- @param model that they are for
-- @param set a set of spectra, { x, y }, or { train, validation, test }; nil for none
function parts.read(model, set, options)
  if set == nil then return {} end
  check.kind("audit", "set", set, "table")
  local given, info = given_parts(set, options), expected.of(model)
  local found = { train = read("train", given.train, options, info and info.classes, info) }
  found.names = found.train.names or sets.class_names("audit", "set", set)
  for _, name in ipairs { "validation", "test" } do
    found[name] = given[name] and read(name, given[name], options, found.names, info, found.train)
  end
  found.axis, found.unit = read_axis(found.train.axis or set.axis, core.size(found.train.x, 2)), found.train.unit
  return found
end

return parts
