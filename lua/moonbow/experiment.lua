--- The frame of every script in experiments/: options, seeds, progress, measured figures, verdict, results.json.
--
-- A script starts a run, adds figures seed by seed, states rules, and finishes:
--
--     local run <close> = mb.experiment.start {
--       name = "my_claim", claim = "Pooling helps a forest", published = { ["pool 8"] = 0.94 },
--       seeds = { full = 5, quick = 1 }, settings = { n = { 1000, 300 } },
--     }
--     for seed in run:each_seed() do
--       local set = mb.data.single_peak { n = run.settings.n, seed = seed }
--       run:add("ceiling", set.ceiling())
--       run:add("pool 8", accuracy_of(set))
--     end
--     run:rule { "pooling by 8 gives more than 0.9", "pool 8", above = 0.9 }
--     run:finish()
local argparse = require "argparse"
local check = require "moonbow.check"
local clock = require "moonbow.clock"
local Figure = require "moonbow.plot.figure"
local optim = require "moonbow.train.optim"
local fit = require "moonbow.train.fit"
local interrupt = require "moonbow.interrupt"
local json = require "moonbow.io.json"
local output = require "moonbow.experiment.output"
local progress = require "moonbow.progress"
local refusal = require "moonbow.experiment.refusal"
local random = require "moonbow.random"
local trained = require "moonbow.experiment.trained"
local verdict = require "moonbow.experiment.verdict"

local experiment = {
  fail = output.fail, table = output.table, save = output.save, folder = output.folder, prepare = output.prepare,
  number = output.number, parse = output.parse, spread = verdict.spread, show_spread = verdict.show_spread,
}

--- A running experiment, from mb.experiment.start.
--
-- @class run
-- @field quick boolean true with --quick
-- @field first_seed integer the first seed
-- @field seed integer the current seed of each_seed
-- @field seeds integer number of seeds
-- @field settings table the numbers from the command line, by name
local Run = {}
Run.__index = Run

--- An argument parser with --quick, --seed, --seeds and --out DIR (which has no default: see experiment.folder).
-- @param name string of the script
-- @param description string the claim that it tests
-- @param seeds? string what --seeds counts, for --help
-- @return any a parser of the module argparse
function experiment.parser(name, description, seeds)
  local parser = argparse("lua experiments/" .. name .. ".lua", description)
  parser:flag("--quick", "a smaller run of at most a minute")
  parser:option("--seed", "first seed", "1"):convert(output.number(name, "--seed", "non-negative integer"))
  parser:option("--seeds", seeds or "number of seeds"):convert(output.number(name, "--seeds", "positive integer"))
  parser:option("--out", ("folder for results.json and figures (default %s, with --quick %s)"):format(
    experiment.folder(name), experiment.folder(name, true)))
  return parser
end

function Run.__close(run, err) refusal.end_script(run.name, err) end

local known_options = {
  name = check.required "string", claim = check.required "string", talk = check.default({}, "table"),
  published = check.default({}, "table"), trial = check.default({}, "table"),
  seeds = check.default({ full = 5, quick = 1 }, "table"), settings = check.default({}, "table"),
  about = check.default({}, "table"), trains = false,
}

local reserved = { quick = true, seed = true, seeds = true, out = true, networks = true, plan = true, help = true }

-- The kind of a setting: the given one; else integers, if both defaults are, of at least 1, or 0, or below, as these.
local function kind_of(defaults)
  local full, quick, kind = table.unpack(defaults)
  if kind or math.type(full) ~= "integer" or math.type(quick) ~= "integer" then return kind or "finite" end
  local least = math.min(full, quick)
  return least >= 1 and "positive integer" or least == 0 and "non-negative integer" or "integer"
end

local function check_settings(settings)
  for name, defaults in pairs(settings) do
    local where = "settings: " .. check.printable(tostring(name))
    if type(name) ~= "string" or reserved[name] then
      check.fail("experiment.start", "%s: expected the name of an option of its own", where)
    end
    check.list("experiment.start", where, defaults)
    if #defaults ~= 2 and #defaults ~= 3 then
      check.fail("experiment.start", "%s: expected { full, quick } or { full, quick, kind }", where)
    end
    for i = 1, 2 do
      check.kind("experiment.start", ("%s[%d]"):format(where, i), defaults[i], "finite")
      check.kind("experiment.start", ("%s[%d]"):format(where, i), defaults[i], kind_of(defaults))
    end
  end
end

local function check_about(about, settings)
  for name, text in pairs(about) do
    if not settings[name] then
      check.fail("experiment.start", "about: %s: expected the name of a setting", check.printable(tostring(name)))
    end
    check.kind("experiment.start", "about: " .. name, text, "string")
  end
end

local function help_of(defaults, about)
  local text = ("default %s, with --quick %s"):format(table.unpack(defaults))
  return about and ("%s (%s)"):format(about, text) or text
end

local function read_arguments(options)
  local parser = experiment.parser(options.name, options.claim)
  if options.trains then
    parser:option("--networks", "folder in which trained networks are kept; those found there are not trained again")
  end
  parser:flag("--plan", "prints seeds and settings as JSON, and ends")
  for _, name in ipairs(check.sorted_keys(options.settings)) do
    local defaults, option = options.settings[name], "--" .. name:gsub("_", "-")
    parser:option(option, help_of(defaults, options.about[name]))
      :convert(output.number(options.name, option, kind_of(defaults))):target(name)
  end
  return output.parse(parser)
end

-- The arguments of the command line that differ from what the script does without them, but folders.
local function changes_of(run, options)
  local words, is_quick = { run.quick and "--quick" or nil }, run.quick
  local function add(name, value, default)
    if value ~= default then words[#words + 1] = ("--%s %s"):format(name:gsub("_", "-"), value) end
  end
  add("seed", run.first_seed, 1)
  add("seeds", run.seeds, is_quick and options.seeds.quick or options.seeds.full)
  for _, name in ipairs(check.sorted_keys(options.settings)) do
    add(name, run.settings[name], options.settings[name][is_quick and 2 or 1])
  end
  return table.concat(words, " ")
end

-- Prints what the review compares with results, and ends.
local function print_plan(run)
  print(json.encode { quick = run.quick, first_seed = run.first_seed, seeds = run.seeds, settings = run.settings })
  os.exit(true, true)
end

-- Warns if results of a larger run will be replaced, while Ctrl-C still keeps them.
local function warn_of_larger(run)
  local kept = output.read_json(run.out .. "/results.json")
  if type(kept) ~= "table" or kept.name ~= run.name or not output.is_larger(kept, run) then return end
  check.warn("experiment.start", "%s/results.json is of %s, which this run of %s will replace; --out names another "
    .. "folder", run.out, output.size_of(kept), output.size_of(run))
end

--- Starts a run with the options of the command line. From then on Ctrl-C ends the script at once with code 130 and
-- without results. Warns if the folder has results of a larger run: they will be replaced.
-- A script keeps the run in a variable with <close>: then, if a function refuses what an option asks for, the script
-- ends with a line and code 2, and not with a traceback, which is for programming errors.
-- @option name of the script, and of the folder below results/
-- @option claim a sentence
-- @option talk figures of a talk, by the name of the measured figure; a quick run prints no figures of others
-- @option published figures of publications, likewise
-- @option trial figures of an earlier trial of one's own, likewise
-- @option seeds number of seeds: { full = , quick = }
-- @option settings numbers that become options of the command line: by name, a list { full, quick, kind } of their
--   defaults and a kind, "fraction", "positive", ...; those of another kind are refused. Without a kind, integers of at
--   least 1 (0, if one of the defaults is 0) if both are integers, else finite numbers
-- @option about { [name] = text }: what settings are, for --help
-- @option trains true: it trains by run:train, and takes --networks
-- @return run
function experiment.start(options)
  options = check.options("experiment.start", options, known_options)
  check_settings(options.settings)
  check_about(options.about, options.settings)
  local args = read_arguments(options)
  local run = setmetatable({
    name = options.name, claim = options.claim, quick = args.quick or false,
    others = { talk = options.talk, published = options.published, trial = options.trial },
    first_seed = args.seed, seeds = args.seeds or (args.quick and options.seeds.quick or options.seeds.full),
    out = args.out or output.folder(options.name, args.quick), networks = args.networks, settings = {},
    began = clock(), order = {}, measured = {}, seeds_of = {}, rules = {}, figures = {},
  }, Run)
  output.check_seeds(run.name, run.first_seed, run.seeds)
  for name, defaults in pairs(options.settings) do
    run.settings[name] = args[name] or defaults[args.quick and 2 or 1]
  end
  run.changes = changes_of(run, options)
  if args.plan then print_plan(run) end
  interrupt.end_script_with(options.name .. ": interrupted, without results; the same command starts again")
  output.prepare(run.out)
  warn_of_larger(run)
  if run.networks then output.make_folder(run.networks) end
  return run
end

check.takes(experiment.start, 1, known_options)

--- Iterates over the seeds, each of which also seeds the default generator, and shows progress.
-- @return function for a for loop: for seed in run:each_seed() do
function Run:each_seed()
  local last = self.first_seed - 1
  return function()
    if last >= self.first_seed + self.seeds - 1 then
      self.seed = nil
      return nil
    end
    last = last + 1
    self.seed = last
    random.seed(last)
    if self:seconds() - (self.shown or -1) >= 1 then
      self:progress("seed %d of %d to %d", last, self.first_seed, self.first_seed + self.seeds - 1)
    end
    return last
  end
end

--- Seconds since the start.
-- @return number
function Run:seconds() return clock() - self.began end

--- Writes on standard error what the script is doing.
-- @param format string as for string.format
-- @param ... any its arguments
function Run:progress(format, ...)
  self.shown = self:seconds()
  progress.line(self.shown, format, ...)
end

--- Trains as all experiments do: Adam at 1e-3 (or options.lr), batches of 32, the best weights on set.validation. With
-- --networks DIR on the command line, which scripts with trains = true take, a network that was trained before, from
-- the same weights on the same data with the same options, is read from there.
-- @param model layer
-- @param set table with train and validation
-- @param epochs integer
-- @param seed integer
-- @param options? table further options of mb.fit, and lr
-- @return table the history
function Run:train(model, set, epochs, seed, options)
  local all = {
    epochs = epochs, batch_size = 32, optimizer = optim.Adam { lr = options and options.lr or 1e-3 }, seed = seed,
    validation = set.validation, early_stopping = { patience = epochs }, verbose = false,
  }
  for key, value in pairs(options or {}) do
    if key ~= "lr" then all[key] = value end
  end
  if not self.networks then return fit(model, set.train, all) end
  return trained.fit(self.networks, model, set.train, all)
end

--- Adds a value of the current seed to a measured figure. The integers 0 and 1 are a share: "of 200 networks, 57".
-- @param name string of the figure; "ResNet @ near" is shown in the row "ResNet" and the column "near" of the table
-- @param value number a finite one
function Run:add(name, value)
  check.kind("run:add", "name", name, "string")
  check.kind("run:add", check.printable(name), value, "finite")
  if not self.measured[name] then
    self.order[#self.order + 1], self.measured[name], self.seeds_of[name] = name, {}, {}
  end
  table.insert(self.measured[name], value)
  table.insert(self.seeds_of[name], self.seed or false)
end

local function values_of(run, name)
  return run.measured[name] or check.fail("run", "nothing was measured as %s; measured are: %s", check.show(name),
    table.concat(run.order, ", "))
end

--- The values of a measured figure, by seed.
-- @param name string of the figure
-- @return table a list, which is a copy
function Run:values(name) return check.copy(values_of(self, name)) end

--- The mean of a measured figure over the seeds.
-- @param name string of the figure
-- @return number
function Run:mean(name) return (verdict.spread(values_of(self, name))) end

--- Means and standard deviations of several figures, as lists for plots.
-- @param names table a list of names of figures
-- @return table means
-- @return table standard deviations, 0 for one seed
function Run:means(names)
  local means, sds = {}, {}
  for i, name in ipairs(names) do
    local mean, sd = verdict.spread(values_of(self, name))
    means[i], sds[i] = mean, sd or 0
  end
  return means, sds
end

local known_series = {
  label = check.optional "string", x = check.optional "table", style = check.optional "string", error = true,
}

--- Returns the means of several measured figures over the seeds, with their standard deviations, as a series of a plot.
-- Raises if there is no %s in the name, or nothing was measured as one of the figures.
-- @param name string of the figures, with %s for the entry: "%s @ near"
-- @param entries table a list of names or numbers
-- @option label in the legend
-- @option x a list of numbers, as many as entries: the series is for mb.plot.lines, else for mb.plot.bars
-- @option style of a line
-- @option error true: with standard deviations
-- @return table { values or y, error, label, x, style }
-- @usage local series = { run:series("%s @ near", { "CNN", "ResNet" }, { label = "near" }) }
function Run:series(name, entries, options)
  options = check.options("run:series", options, known_series)
  local before, behind = check.kind("run:series", "name", name, "string"):match "^(.-)%%s(.*)$"
  if not before then check.fail("run:series", "name: expected one with %%s in it, got %s", check.show(name)) end
  local names = {}
  for i, entry in ipairs(check.list("run:series", "entries", entries)) do names[i] = before .. entry .. behind end
  local means, sds = self:means(names)
  return {
    [options.x and "y" or "values"] = means, error = options.error and sds or nil, label = options.label,
    x = options.x, style = options.style,
  }
end

check.takes(Run.series, 3, known_series)

local function by_seed(run, name)
  local found, seeds = {}, run.seeds_of[name]
  for i, value in ipairs(values_of(run, name)) do
    found[seeds[i]] = found[seeds[i]] or {}
    table.insert(found[seeds[i]], value)
  end
  return found
end

-- Returns the differences of two figures over the seeds that have both; several values of a seed pair in their order.
-- They are floats: those of two shares are none.
local function differences(run, name, other)
  local of_name, of_other, list = by_seed(run, name), by_seed(run, other), {}
  for seed = run.first_seed - 1, run.first_seed + run.seeds - 1 do
    seed = seed >= run.first_seed and seed -- false if added outside of each_seed
    local a, b = of_name[seed], of_other[seed]
    if a and b and #a ~= #b then
      check.fail("run:rule", "seed %s has %d values of '%s', but %d of '%s'", seed, #a, name, #b, other)
    end
    for i = 1, a and b and #a or 0 do list[#list + 1] = a[i] - b[i] + 0.0 end
  end
  if #list == 0 then check.fail("run:rule", "no seed has both '%s' and '%s'", name, other) end
  return list
end

local known_rule = {
  check.required "string", check.required "string", above = check.optional "number|string",
  below = check.optional "number|string", by = 0,
}

--- States a part of the claim, { text, name, above = limit }. It is decided by the 95 % interval of the mean over the
-- seeds (Student's t; Wilson's method for a share, whose values are the integers 0 and 1), and needs at least 3 values.
-- A quick run decides nothing.
-- @option above the limit: a number, or the name of another measured figure, with which it is compared over the seeds
--   that have both
-- @option below the limit; either above or below is given
-- @option by the least distance from the limit that counts
-- @return string "yes", "no" or "undecided"
-- @usage run:rule { "pooling by 8 gives more than 0.9", "pool 8", above = 0.9 }
function Run:rule(given)
  local rule = check.options("run:rule", given, known_rule)
  local direction = rule.above and "above" or "below"
  local limit, name = rule[direction], rule[2]
  if not limit or (rule.above and rule.below) then check.fail("run:rule", "expected either above or below") end
  local is_number = type(limit) == "number"
  local shift = (is_number and limit or 0) + (direction == "above" and rule.by or -rule.by)
  local values = is_number and values_of(self, name) or differences(self, name, limit)
  local answer = verdict.judge(values, direction, shift)
  if self.quick then answer = "undecided" end
  table.insert(self.rules, { text = rule[1], figure = name, [direction] = limit, by = rule.by, answer = answer,
    n = #values })
  return answer
end

check.takes(Run.rule, 1, known_rule)

--- Keeps a figure for the output folder.
-- @param name string of its file
-- @param figure figure of mb.plot
function Run:figure(name, figure)
  check.kind("run:figure", "name", name, "string")
  if getmetatable(figure) ~= Figure then
    check.fail("run:figure", "%s: expected a figure of mb.plot, got %s", check.printable(name), check.show(figure))
  end
  self.figures[name] = figure
end

-- "ResNet @ 1-2" is in the row "ResNet" and the column "1-2".
local function place_of(name)
  local row, column = name:match "^(.-) @ (.+)$"
  return row or name, column or "mean ± sd"
end

-- " (0.9)", " (talk 0.9, trial 0.8)": the figures of others; nothing in a quick run, which is not comparable.
local function others_of(run, name)
  local texts = {}
  for _, source in ipairs { "published", "talk", "trial" } do
    local value = run.others[source][name]
    if value and not run.quick then
      texts[#texts + 1] = (source == "published" and "%.3g" or source .. " %.3g"):format(value)
    end
  end
  return #texts > 0 and (" (%s)"):format(table.concat(texts, ", ")) or ""
end

local function print_measured(run)
  local rows, columns, row_of = { { "measured" } }, {}, {}
  for _, name in ipairs(run.order) do
    local row, column = place_of(name)
    if not columns[column] then
      table.insert(rows[1], column)
      columns[column] = #rows[1]
    end
    if not row_of[row] then
      row_of[row] = { row }
      rows[#rows + 1] = row_of[row]
    end
    row_of[row][columns[column]] = verdict.show_spread(run.measured[name]) .. others_of(run, name)
  end
  print(("\n%s\n%d seed(s) from %d on; %s; shares have their 95 %% interval\n"):format(run.claim, run.seeds,
    run.first_seed, run.quick and "a quick run decides nothing" or "figures of others are in brackets"))
  output.table(rows)
end

local function print_rules(run, all)
  print()
  for _, rule in ipairs(run.rules) do
    local values = #run.measured[rule.figure]
    print(("%-9s  %s%s"):format(rule.answer, rule.text,
      rule.n < values and (" (by %d of %d values)"):format(rule.n, values) or ""))
  end
  print(("\nVerdict: %s\n"):format(all))
end

-- Returns the seed of each value; nil if a value was added outside of each_seed.
local function seeds_of(run, name)
  for _, seed in ipairs(run.seeds_of[name]) do
    if not seed then return nil end
  end
  return run.seeds_of[name]
end

local function list_of_measured(run)
  local list = {}
  for i, name in ipairs(run.order) do
    list[i] = { name = name, values = run.measured[name], seeds = seeds_of(run, name),
      published = run.others.published[name], talk = run.others.talk[name], trial = run.others.trial[name] }
  end
  return list
end

--- Prints the measured figures, the rules and the verdict, and writes results.json and figures. Raises if nothing was
-- measured.
-- @param details? table further content of results.json
function Run:finish(details)
  if #self.order == 0 then check.fail("run:finish", "nothing was measured: expected run:add before") end
  for source, figures in pairs(self.others) do
    for _, name in ipairs(self.quick and {} or check.sorted_keys(figures)) do
      if not self.measured[name] then
        check.warn("run:finish", "%s: nothing was measured as %s", source, check.show(name))
      end
    end
  end
  local answers = {}
  for i, rule in ipairs(self.rules) do answers[i] = rule.answer end
  local all = verdict.of(answers, self.quick)
  print_measured(self)
  print_rules(self, all)
  output.save(self.out, {
    schema = 1, name = self.name, claim = self.claim, verdict = all,
    rules = output.list(self.rules),
    ceiling = self.measured.ceiling and self:mean "ceiling" or nil, measured = list_of_measured(self),
    seeds = self.seeds, first_seed = self.first_seed, quick = self.quick, seconds = self:seconds(),
    settings = self.settings, options = self.changes, figures = output.list(check.sorted_keys(self.figures)),
    details = details,
  }, self.figures)
end

require("moonbow.counted").methods(Run, "run:")

return experiment
