--- Rules on what training and test spectra share.
local core = require "moonbow.core"
local check = require "moonbow.check"
local distributions = require "moonbow.distributions"
local near_copies = require "moonbow.baselines.near_copies"
local parts = require "moonbow.audit.parts"
local peaks = require "moonbow.audit.peaks"
local words = require "moonbow.audit.words"

local DRIFT, FEWEST_RUNS, LEVEL = 0.1, 20, 1e-3

-- A group as text, so that 7 of one table is "7" of another.
local function name_of(group) return tostring(type(group) == "number" and math.tointeger(group) or group) end

-- What is said of spectra beside those of the training, of which count_of(part) knows how many of how many are so; nil
-- if none are.
-- @param text what follows "3 of 9 validation spectra and 1 of 20 test spectra are"
local function found_among(a, count_of, text, looked)
  local shares, worst, all = {}, 0, 0
  for _, other in ipairs(a.others) do
    local count, n = count_of(other.part)
    if count > 0 then shares[#shares + 1] = ("%d of %s"):format(count, other.count(n)) end
    worst, all = math.max(worst, count / n), all + count
  end
  if all == 0 then return nil end
  return { value = worst, looked = looked,
    text = ("%s %s %s"):format(table.concat(shares, " and "), all == 1 and "is" or "are", text) }
end

local function shared_samples(a)
  local trained, has_groups = {}, false
  for _, group in ipairs(a.train.groups or {}) do trained[name_of(group)] = true end
  for _, other in ipairs(a.others) do has_groups = has_groups or a.train.groups and other.part.groups end
  if not has_groups then return nil, "no groups of the training spectra and of the " .. a.unseen end
  return found_among(a, function(part)
    local shared = 0
    for _, group in ipairs(part.groups or {}) do shared = shared + (trained[name_of(group)] and 1 or 0) end
    return shared, part.n
  end, "of samples that also have training spectra: they measure if the network recognises a sample, not its class.")
end

local function twins(a)
  local looked = {}
  return found_among(a, function(part)
    if part.bad > 0 then return 0, part.n end
    local train, other = parts.across(a.train, part, a.options.seed)
    looked[#looked + 1], looked[#looked + 2] = other, train
    return near_copies.count(other.x, train.x), core.size(other.x, 1)
  end, "nearly identical to a training spectrum (closer than a hundredth of the usual distance, and of their size): "
    .. "replicates, or copies.", looked)
end

-- The usual distance is that within a class: two classes may differ by far less than others, and yet be told apart.
local function contradictions(a)
  local train = parts.among_themselves(a.train, a.options.seed)
  local x, y, rows = train.x, core.totable(train.y), train.rows
  local count, pair = near_copies.pairs(x, near_copies.limit(x, y), function(i, j) return y[i] ~= y[j] end)
  if count == 0 then return nil end
  if rows then pair = { rows[pair[1]], rows[pair[2]] } end
  return { value = count, rows = pair, looked = { train },
    text = ("%s of nearly identical training spectra with different labels, such "
    .. "as rows %d and %d."):format(check.show_count(count, "pair"), pair[1], pair[2]) }
end

-- The number of runs of equal labels.
local function runs_of(y)
  local runs = 1
  for i = 2, #y do runs = runs + (y[i] ~= y[i - 1] and 1 or 0) end
  return runs
end

-- The correlation of two lists.
local function correlation(x, y)
  local n, mx, my, xx, yy, xy = #x, 0, 0, 0, 0, 0
  for i = 1, n do mx, my = mx + x[i] / n, my + y[i] / n end
  for i = 1, n do
    xx, yy, xy = xx + (x[i] - mx) ^ 2, yy + (y[i] - my) ^ 2, xy + (x[i] - mx) * (y[i] - my)
  end
  return xx > 0 and yy > 0 and xy / math.sqrt(xx * yy) or 0
end

-- Rows in blocks of their classes, and spectra that drift with the order within the classes.
local function order(a)
  local y = core.totable(a.train.y)
  if #y < 20 or runs_of(y) > math.max(2 * a.classes, #y / FEWEST_RUNS) then return nil end
  local rows = peaks.rows(a.train.x)
  local within = core.totable(core.mean(core.sub(rows, core.index(a.means, a.train.y)), 2))
  local place, seen = {}, {}
  for i, class in ipairs(y) do
    seen[class] = (seen[class] or 0) + 1
    place[i] = seen[class]
  end
  local r = correlation(place, within)
  local p = distributions.student_p(r * math.sqrt((#y - 2) / math.max(1 - r * r, 1e-12)), #y - 2)
  if r * r < DRIFT or p > LEVEL then return nil end
  return { value = r * r, text = ("The spectra are sorted by class, and within the classes their mean value drifts "
    .. "with the order (r2 %.2f): a network may learn the time of the measurement instead of the "
    .. "class."):format(r * r) }
end

-- Files of several spectra, each of one class.
local function files(a)
  local of_file, count = {}, 0
  if not a.train.files then return nil, "no files of the training spectra" end
  local y = core.totable(a.train.labels)
  for i, name in ipairs(a.train.files) do
    if not of_file[name] then of_file[name], count = { class = y[i], n = 0 }, count + 1 end
    of_file[name].n = of_file[name].n + 1
    if of_file[name].class ~= y[i] then return nil end
  end
  local per_class, files_of = #y / count, {}
  for _, entry in pairs(of_file) do files_of[entry.class] = (files_of[entry.class] or 0) + 1 end
  local fewest = math.huge
  for _, n in pairs(files_of) do fewest = math.min(fewest, n) end
  if count < 2 or per_class < 2 then return nil end
  return { value = per_class, text = ("Each file holds one class, with %s spectra on average, and a class comes "
    .. "from as few as %s: what the spectra of a file have in common, such as the day or the settings, predicts the "
    .. "class, too."):format(words.number(per_class), check.show_count(fewest, "file")) }
end

return {
  { name = "shared_samples", needs = "other data", is_fault = true, find = shared_samples,
    source = "docs/guide/4_own_data.md",
    advice = "Split by sample: the option groups of mb.split and of mb.cross_validate." },
  { name = "twins", needs = "other data", is_fault = true, find = twins, source = "docs/guide/4_own_data.md",
    advice = "Keep replicates together: the option groups of mb.split; remove copies." },
  { name = "contradictions", needs = "classes", is_fault = true, find = contradictions, source = "arithmetic",
    advice = "Look at both spectra, and correct or remove one." },
  { name = "order", needs = "classes", find = order, source = "arithmetic",
    advice = "Measure the classes in mixed order, or test on spectra of another day." },
  { name = "files", needs = "classes", find = files, source = "arithmetic",
    advice = "Test on files of which no spectrum was trained on (groups = the files)." },
}
