--- Rules on what training and test spectra share.
local core = require "moonbow.core"
local check = require "moonbow.check"
local distributions = require "moonbow.distributions"
local neighbours = require "moonbow.baselines.neighbours"
local peaks = require "moonbow.audit.peaks"

local SAME, MOST_COMPARED = 0.01, 1000 -- of the median distance; spectra
local DRIFT, FEWEST_RUNS, LEVEL = 0.1, 20, 1e-3

local function first_rows(part)
  return core.narrow(part.x, 1, math.min(core.size(part.x, 1), MOST_COMPARED))
end

-- Distances of test rows to training rows, and the distance below which spectra are nearly the same.
local function distances(x, y)
  local rows, all = core.totable(neighbours.distances(x, y, { verbose = false })), {}
  for _, row in ipairs(rows) do
    for _, distance in ipairs(row) do
      if distance > 0 then all[#all + 1] = distance end
    end
  end
  return rows, SAME * (peaks.median(all) or 0)
end

local function shared_samples(a)
  local groups, other = a.train.groups, a.other.groups
  if not (groups and other) then return nil end
  local trained, shared = {}, 0
  for _, group in ipairs(groups) do trained[group] = true end
  for _, group in ipairs(other) do shared = shared + (trained[group] and 1 or 0) end
  if shared == 0 then return nil end
  return { value = shared / #other, text = ("%d of %d %s are of samples that were trained on, too: they ask if the "
    .. "network knows a sample again, not if it knows its class."):format(shared, #other, a.unseen) }
end

local function twins(a)
  local rows, limit = distances(first_rows(a.other), first_rows(a.train))
  local same = 0
  for _, row in ipairs(rows) do
    if math.min(table.unpack(row)) <= limit then same = same + 1 end
  end
  if same == 0 then return nil end
  return { value = same / #rows, text = ("%d of %d %s are nearly the same as a training spectrum (closer than a "
    .. "hundredth of the usual distance): replicates, or copies."):format(same, #rows, a.unseen) }
end

local function contradictions(a)
  local x = first_rows(a.train)
  local rows, limit = distances(x, x)
  local y, count, first = core.totable(a.train.y), 0, nil
  for i, row in ipairs(rows) do
    for j = 1, i - 1 do
      if row[j] <= limit and y[i] ~= y[j] then count, first = count + 1, first or { j, i } end
    end
  end
  if count == 0 then return nil end
  return { value = count, rows = first, text = ("%s of nearly the same training spectra have different labels, such "
    .. "as rows %d and %d."):format(check.show_count(count, "pair"), a.row_of(first[1]), a.row_of(first[2])) }
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
  return { value = r * r, text = ("The spectra are in blocks of their classes, and within the classes their mean "
    .. "value drifts with the order (r2 %.2f): a network may tell the time of the measurement instead of the "
    .. "class."):format(
    r * r) }
end

-- Files of several spectra, each of one class.
local function files(a)
  local of_file, count = {}, 0
  if not a.train.files then return nil end
  local y = core.totable(a.train.y)
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
  return { value = per_class, text = ("Each file holds one class, with %.3g spectra on average, and a class comes "
    .. "from as few as %s: what is common to a file, such as its day or its settings, tells the "
    .. "class."):format(per_class,
    check.show_count(fewest, "file")) }
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
