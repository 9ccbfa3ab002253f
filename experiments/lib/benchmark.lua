--- Shared by the two scripts that rerun the benchmark of Schuetzke et al. 2023: arguments, tables, figures,
-- results.
--
-- A script gives the set, the published results, and the runs: see experiments/challenge.lua.
local argparse = require "argparse"
local uv = require "luv"
local check = require "moonbow.check"
local clock = require "moonbow.clock"
local core = require "moonbow.core"
local plot = require "moonbow.plot"
local agreement = require "lib.benchmark.agreement"
local errors = require "lib.benchmark.errors"
local journal = require "lib.benchmark.journal"
local networks = require "lib.benchmark.networks"
local pooled = require "lib.benchmark.pooled"
local interrupt = require "moonbow.interrupt"
local output = require "moonbow.experiment.output"
local refusal = require "moonbow.experiment.refusal"
local runs = require "lib.benchmark.runs"
local verdict = require "moonbow.experiment.verdict"

local benchmark = {}

local SIGNIFICANT = 0.05

-- The parts of an option's argument between commas, each converted; ends the script if there are none, or one comes
-- twice: its seeds would count twice.
local function list_of(name, option, text, convert)
  local list, seen = {}, {}
  for part in text:gmatch "[^,%s]+" do
    local value = convert(part)
    if seen[value] then output.fail(("%s: %s: %s comes twice"):format(name, option, value), 2) end
    seen[value], list[#list + 1] = true, value
  end
  if #list > 0 then return list end
  output.fail(("%s: %s: expected at least one, got %s"):format(name, option, check.show(text)), 2)
end

local function read_arguments(options)
  local parser = argparse("lua experiments/" .. options.name .. ".lua", options.claim)
  local function number(option, about, default, kind)
    parser:option(option, about, default):convert(output.number(options.name, option, kind or "positive integer"))
  end
  parser:flag("--quick", "a small set and a few epochs: shows that it works, says nothing about the claim")
  parser:option("--networks", "names with commas, of: " .. table.concat(networks.names, ", "))
  parser:option("--heads", "activation of hidden dense layers, with commas: published, linear, relu",
    options.heads)
  parser:option("--momentum", "of batch norm, with commas; Keras' default is 0.99", "0.99")
  number("--pool", "max-pools the spectra by so many points first", "1")
  number("--seed", "first seed", "0", "non-negative integer")
  number("--seeds", "number of seeds (default 5, with --quick 2)")
  number("--epochs", "at most so many (default 500, with --quick 3)")
  number("--figures", "at most so many figures of misclassified pairs", "20", "non-negative integer")
  parser:option("--out", ("folder; the same command goes on with what it finds there (default %s, with --quick %s)")
    :format(output.folder(options.name), output.folder(options.name, true)))
  parser:flag("--estimate", "how long would an epoch take? As two on a few spectra say, with new weights")
  parser:option("--status", "prints how far the runs in a folder are, and ends"):argname "DIR"
  parser:flag("--follow", "with --status: again every ten seconds, until the last run has ended")
  return output.parse(parser)
end

local function show_status(folder, is_following)
  repeat
    local ok, err = journal.show(folder)
    if not ok then output.fail(err) end
    local is_over = not is_following or journal.is_over(folder)
    if not is_over then uv.sleep(10000) end
  until is_over
  os.exit(true, true)
end

-- The lists of names and numbers, checked before anything is trained.
local function read_lists(args, options)
  local name = options.name
  args.networks = list_of(name, "--networks", args.networks or args.quick and options.quick_networks
    or options.networks, output.one_of(name, "--networks", networks.names))
  args.heads = list_of(name, "--heads", args.heads, output.one_of(name, "--heads", { "published", "linear", "relu" }))
  args.momenta = list_of(name, "--momentum", args.momentum, output.number(name, "--momentum", "fraction"))
end

--- Reads the command line; from then on Ctrl-C ends the script with code 130. With --status, prints the status of a
-- folder and ends. A script keeps the arguments in a variable with <close>, as a run of mb.experiment.start.
-- @param options name (of the script), claim, networks and heads (defaults, with commas), quick_networks
function benchmark.arguments(options)
  local args = read_arguments(options)
  interrupt.end_script_with(args.status and "interrupted" or options.name
    .. ": interrupted; the same command goes on from the last checkpoint")
  if args.status then show_status(args.status, args.follow) end
  output.refuse(options.name, { "--follow" }, "--status DIR")
  args.seeds, args.epochs = args.seeds or args.quick and 2 or 5, args.epochs or args.quick and 3 or 500
  if args.estimate then args.seeds = 1 end
  output.check_seeds(options.name, args.seed, args.seeds)
  read_lists(args, options)
  args.out = args.out or output.folder(options.name, args.quick)
  args.name, args.claim = options.name, options.claim
  return setmetatable(args, { __close = function(_, err) refusal.end_script(options.name, err) end })
end

-- Results by row of the table: network, head, momentum; then the same with recalibrated statistics.
local function group(results)
  local groups, by_name = {}, {}
  local function add(name, result, test)
    if not by_name[name] then
      by_name[name] = { name = name, network = result.network, head = result.head, results = {}, tests = {} }
      groups[#groups + 1] = by_name[name]
    end
    table.insert(by_name[name].results, result)
    table.insert(by_name[name].tests, test)
  end
  for _, result in ipairs(results) do
    local name = result.name:gsub("%-seed%d+$", "")
    add(name, result, result.test)
    if result.recalibrated then add(name .. "-recalibrated", result, result.recalibrated) end
  end
  return groups
end

local function column(tests, value)
  local list = {}
  for i, test in ipairs(tests) do list[i] = value(test) end
  return list
end

local function show_spread(values, format)
  if not values then return "" end
  local mean, sd = verdict.spread(values)
  local text = format:format(mean)
  if sd then text = text .. " ± " .. format:format(sd) end
  return ("%s (%d)"):format(text, #values)
end

-- Returns the number of a test that is compared: wrong spectra, or the percentage of right ones.
local function measure(test, all, unit)
  return unit == "wrong" and test.wrong or 100 * (all - test.wrong) / all
end

-- Only runs by the published protocol are compared: published momentum, running statistics as trained.
local function published_of(entry, published)
  if entry.name:find "recalibrated$" or entry.results[1].momentum ~= 0.99 then return nil end
  local is_named = networks.has_hidden(entry.network) and entry.head ~= "published"
  return published[is_named and entry.network .. " " .. entry.head or entry.network]
end

local function compare(entry, job)
  entry.values = column(entry.tests, function(test) return measure(test, job.all, job.unit) end)
  entry.published = published_of(entry, job.published)
  entry.comparison = entry.published and agreement.welch(entry.values, entry.published)
  local p = entry.comparison and entry.comparison.p
  entry.answer = not p and "undecided" or p < SIGNIFICANT and "no" or "yes"
end

local function show_p(comparison) return comparison and comparison.p and ("%.3f"):format(comparison.p) or "" end

local function print_table(groups, job)
  local format = job.unit == "wrong" and "%.1f" or "%.1f %%"
  local rows = { { "network", "published", "measured", "off by", "p", "within 2 s.e.", "clear wrong",
    "ambiguous wrong", "best epoch", "s per epoch" } }
  for _, entry in ipairs(groups) do
    local c = entry.comparison
    rows[#rows + 1] = {
      entry.name, show_spread(entry.published, format), show_spread(entry.values, format),
      c and c.error > 0 and ("%+.1f s.e."):format(c.difference / c.error) or "", show_p(c),
      c and (c.within_two and "yes" or "no") or "",
      show_spread(column(entry.tests, function(test) return test.wrong - test.wrong_ambiguous end), "%.1f"),
      show_spread(column(entry.tests, function(test) return test.wrong_ambiguous end), "%.1f"),
      show_spread(column(entry.results, function(result) return result.best_epoch end), "%.0f"),
      show_spread(column(entry.results, function(result) return result.seconds_per_epoch end), "%.1f"),
    }
  end
  output.table(rows)
end

-- Prints the gain by ReLU in the hidden dense layers, published and measured, for networks run with both heads.
local function print_heads(groups, job)
  local by_name, rows = {}, { { "network", "published", "p", "measured", "p" } }
  for _, entry in ipairs(groups) do by_name[entry.name] = entry end
  local function cells(relu, linear)
    local c = relu and linear and agreement.welch(relu, linear)
    if not c then return "", "" end
    return ("%+.1f ± %.1f"):format(c.difference, c.error), show_p(c)
  end
  for _, relu in ipairs(groups) do
    local linear = relu.head == "relu" and by_name[relu.name:gsub("%-relu", "-linear", 1)]
    if linear then
      local gain, p = cells(relu.values, linear.values)
      local published, published_p = cells(relu.published, linear.published)
      rows[#rows + 1] = { relu.name:gsub("%-relu", "", 1), published, published_p, gain, p }
    end
  end
  if #rows == 1 then return end
  print(("\nReLU heads against linear ones: difference ± its standard error (%s), and Welch's t-test\n"):format(
    job.unit))
  output.table(rows)
end

-- Prints where the errors on the challenge set are: between neighbours of a triplet, by its kind, or elsewhere.
local function print_kinds(groups, kinds)
  local names, rows = { "minor", "position", "height", "other classes" }, { { "network" } }
  table.move(names, 1, #names, 2, rows[1])
  for _, entry in ipairs(groups) do
    local row = { entry.name }
    for _, name in ipairs(names) do
      row[#row + 1] = show_spread(column(entry.tests, function(test) return errors.by_kind(test, kinds)[name] or 0 end),
        "%.1f")
    end
    rows[#rows + 1] = row
  end
  print "\nWrong spectra: taken for another class of the triplet, which differs by this; for other classes\n"
  output.table(rows)
end

local function best_of(entry)
  local best = 1
  for i, test in ipairs(entry.tests) do
    if test.wrong < entry.tests[best].wrong then best = i end
  end
  return entry.results[best], entry.tests[best]
end

-- Prints the pairs of classes that the best run of each network confuses, as the authors list them;
-- returns all of them, the most frequent first.
local function print_pairs(groups)
  local total, pairs_found = {}, {}
  print "\nMisclassified pairs in the best run of each, in any order (the authors' numbers, from 0)\n"
  for _, entry in ipairs(groups) do
    local result, test = best_of(entry)
    local parts = {}
    for i, pair in ipairs(test.pairs) do
      local key = pair[1] .. " " .. pair[2]
      if not total[key] then
        total[key] = { pair[1], pair[2], 0 }
        pairs_found[#pairs_found + 1] = total[key]
      end
      total[key][3] = total[key][3] + pair[3]
      if i <= 12 then parts[i] = ("(%d, %d) x %d"):format(table.unpack(pair)) end
    end
    if #test.pairs > 12 then parts[13] = ("and %d more"):format(#test.pairs - 12) end
    local list = #parts > 0 and ": " .. table.concat(parts, "  ") or ""
    print(("%s, seed %d, %d wrong%s"):format(entry.name, result.seed, test.wrong, list))
  end
  table.sort(pairs_found, function(a, b)
    if a[3] ~= b[3] then return a[3] > b[3] end
    return a[1] < b[1] or a[1] == b[1] and a[2] < b[2]
  end)
  return pairs_found
end

-- Returns the unvaried test spectra of both classes.
local function figure_of(pair, set)
  local each, series = #set.test.y // #set.classes, {}
  for i = 1, 2 do
    local spectrum = core.reshape(core.row(set.test.x, pair[i] * each + 1), #set.axis)
    series[i] = { x = set.axis, y = spectrum, label = "class " .. pair[i] }
  end
  return plot.lines { title = ("Classes %d and %d"):format(pair[1], pair[2]), x_label = "point",
    y_label = "intensity / maximum", series = series }
end

local function ambiguous_count(set)
  local count = 0
  for i = 1, #set.test.rival do count = count + (set.test.rival[i] > 0 and 1 or 0) end
  return count
end

local function print_heading(args, job)
  local ambiguous = ambiguous_count(job.set)
  local guessing = 1 - ambiguous / 2 / job.all
  print(("\n%s\n"):format(args.claim))
  if args.quick then
    print "--quick: a smaller set and few epochs; nothing here can be compared with the paper.\n"
  end
  print(([[
%d test spectra, of which %d lie in the training range of two classes (ambiguous): guessing
there leaves %.1f wrong on average, %.2f %% right.
Mean ± sd (seeds) of the %s test spectra. off by, p, within 2 s.e.: difference from the published seeds
in standard errors of both together, and Welch's t-test, two-sided.
]]):format(job.all, ambiguous, ambiguous / 2, 100 * guessing,
    job.unit == "wrong" and "wrong" or "right (percent)"))
  return guessing
end

local function rules_of(groups)
  local rules, answers = {}, {}
  for _, entry in ipairs(groups) do
    if entry.published then
      rules[#rules + 1] = { figure = entry.name, by = 0, answer = entry.answer, n = #entry.values, text = entry.name
        .. ": the difference from the published seeds is not significant (Welch's t-test, p at least 0.05)" }
      answers[#answers + 1] = entry.answer
    end
  end
  return output.list(rules), answers
end

local function save(args, job, groups, guessing, figures)
  local measured = {}
  local rules, answers = rules_of(groups)
  local all = verdict.of(answers, args.quick)
  for i, entry in ipairs(groups) do
    measured[i] = { name = entry.name, values = entry.values,
      published = entry.published and (verdict.spread(entry.published)) or nil }
  end
  print(("\nVerdict: %s (whether the published figures come out again)\n"):format(all))
  local names = check.sorted_keys(figures)
  output.save(args.out, {
    schema = 1, name = args.name, claim = args.claim, verdict = all, rules = rules,
    measured = measured, seeds = args.seeds, first_seed = args.seed, quick = args.quick or false,
    seconds = clock() - job.began, figures = output.list(names),
    settings = { epochs = args.epochs, networks = args.networks, heads = args.heads, momentum = args.momenta,
      pool = args.pool },
    details = { unit = job.unit, test_spectra = job.all, guessing = guessing, runs = job.results },
  }, figures)
end

local function print_estimates(results, epochs)
  local rows = { { "run", "s per epoch", "100 epochs", "published number of epochs" } }
  for i, result in ipairs(results) do
    local seconds, expected = result.seconds_per_epoch, epochs[result.network]
    rows[i + 1] = { result.name, ("%.1f"):format(seconds), ("%.1f h"):format(seconds * 100 / 3600),
      expected and ("%.0f: %.1f h"):format(expected, seconds * expected / 3600) or "" }
  end
  output.table(rows)
end

--- Trains or resumes the runs that the arguments ask for, and reports.
-- @param args from benchmark.arguments
-- @param job set (with test.rival), published ({ ["cnn2"] or ["cnn2 relu"] = one value per seed }), unit
--   ("wrong" or "percent"), epochs ({ [network] = published mean number of epochs } for estimates)
function benchmark.run(args, job)
  job.began, job.all = clock(), #job.set.test.y
  if args.pool > 1 then
    pooled.check_size(args.name, args.pool, job.set)
    job.set, job.published = pooled.set(job.set, args.pool), {} -- the published networks saw the spectra as they are
  end
  local plan = runs.plan { networks = args.networks, heads = args.heads, momenta = args.momenta,
    first_seed = args.seed, seeds = args.seeds }
  local settings = { out = args.out, epochs = args.epochs, batch_size = 128, verbose = true,
    checkpoint_seconds = 20 }
  if args.estimate then return print_estimates(runs.estimate(plan, job.set, settings), job.epochs or {}) end
  output.prepare(args.out)
  job.results = runs.run(plan, job.set, settings)
  local groups, figures = group(job.results), {}
  for _, entry in ipairs(groups) do compare(entry, job) end
  local guessing = print_heading(args, job)
  print_table(groups, job)
  print_heads(groups, job)
  if job.set.kinds then print_kinds(groups, job.set.kinds) end
  for i, pair in ipairs(print_pairs(groups)) do
    if i > args.figures then break end
    figures[("pair_%d_%d"):format(pair[1], pair[2])] = figure_of(pair, job.set)
  end
  save(args, job, groups, guessing, figures)
end

return benchmark
