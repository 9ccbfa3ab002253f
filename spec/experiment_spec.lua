-- Experiments: verdicts on figures, the content of results.json, the command line; mb.probe.
local lfs = require "lfs"
local json = require "cjson"
local mb = require "moonbow"
local verdict = require "moonbow.experiment.verdict"
local check_schema = require "support.schema"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

describe("a verdict", function()
  it("follows from the interval of the mean", function()
    assert.equal("yes", verdict.judge({ 0.95, 0.96, 0.97 }, "above", 0.93))
    assert.equal("no", verdict.judge({ 0.95, 0.96, 0.97 }, "below", 0.93))
    assert.equal("undecided", verdict.judge({ 0.95, 0.96, 0.97 }, "above", 0.94)) -- 0.96 +- 0.0248
    assert.equal("undecided", verdict.judge({ 0.95, 0.96, 0.97 }, "above", 0.98))
    assert.equal("no", verdict.judge({ 0.95, 0.96, 0.97 }, "above", 0.99))
    assert.equal("undecided", verdict.judge({ 1, 1 }, "above", 0))
    assert.equal("yes", verdict.judge({ 1, 1, 1 }, "above", 0))
    assert.equal("undecided", verdict.judge({ 1, 1, 1 }, "above", 1))
  end)
  it("of a share follows from Wilson's interval, of values that are all the same from one without width", function()
    local ones, accuracies = {}, {}
    for i = 1, 200 do ones[i], accuracies[i] = 1, 1.0 end
    assert.equal("undecided", verdict.judge(ones, "above", 0.99)) -- 0.981 to 1
    assert.equal("yes", verdict.judge(ones, "above", 0.98))
    assert.equal("undecided", verdict.judge({ 1, 1, 1 }, "above", 0.99))
    assert.equal("yes", verdict.judge(accuracies, "above", 0.99))
    assert.equal("undecided", verdict.judge({ 0.95, 0.95, 0.95, 0.95 }, "above", 0.95))
    for n = 3, 300 do
      local list = table.move(ones, 1, 3, 1, {})
      for i = 4, n do list[i] = 1 end
      assert.equal("undecided", verdict.judge(list, "below", 1), n)
      assert.equal("undecided", verdict.judge(list, "above", 1), n)
    end
  end)
  it("is none over no values", function()
    assert.error_matches(function() verdict.spread {} end, "spread: values: expected at least one number, got none")
    assert.error_matches(function() verdict.spread { 1, nil, 2 } end, "values: entry 2 of 3 is nil")
  end)
  it("has Student's quantiles", function()
    local function half_width(n) -- of values with mean 0 and sd 1
      local values = {}
      for i = 1, n do values[i] = (i % 2 == 0 and 1 or -1) * math.sqrt((n - 1) / n) end
      return verdict.uncertainty(values) * math.sqrt(n)
    end
    for n, quantile in pairs { [4] = 3.182, [12] = 2.201, [32] = 2.040, [200] = 1.972 } do
      assert.is_true(math.abs(half_width(n) - quantile) < 0.003, n)
    end
  end)
  it("combines the rules", function()
    assert.equal("holds", verdict.of { "yes", "yes" })
    assert.equal("does not hold here", verdict.of { "no", "no" })
    assert.equal("holds in part", verdict.of { "yes", "no", "undecided" })
    assert.equal("not decided by this many seeds", verdict.of { "yes", "undecided" })
    assert.equal("no rules", verdict.of {})
    assert.same({ "not decided by a quick run", "no rules" }, { verdict.of({ "yes" }, true), verdict.of({}, true) })
  end)
end)

-- The experiment in the guide, saved as a user would.
local function guide_example()
  local text = assert(io.open "docs/guide/5_experiments.md"):read "a"
  return assert(text:match '```lua\n(local mb = require "moonbow"\nlocal run.-)```')
end

local script = [[
local mb = require "moonbow"
local run = mb.experiment.start {
  name = "toy", claim = "Two is more than one", published = { two = 2 }, seeds = { full = 3, quick = 1 },
  settings = { n_points = { 100, 10 } },
}
for seed in run:each_seed() do
  run:add("two", 2 + seed / 1000)
  run:add("one", 1)
  run:add("ceiling", 3)
end
run:rule { "two is above one by a half", "two", above = "one", by = 0.5 }
run:rule { "two stays below the ceiling", "two", below = "ceiling" }
run:values("two")[1] = 9 -- does not change the measured values
run:figure("lines", mb.plot.lines { x = { 1, 2 }, y = { 1, 2 } })
run:finish { points = run.settings.n_points }
]]

describe("an experiment", function()
  local path, out = os.tmpname(), os.tmpname()
  os.remove(out)
  local function run(arguments, text)
    local file = assert(io.open(path, "w"))
    file:write(text or script)
    file:close()
    local pipe = io.popen(("%s %s --out %s %s 2>&1"):format(interpreter, path, out, arguments))
    local printed = pipe:read "a"
    return pipe:close(), printed
  end
  local function results() return json.decode(assert(io.open(out .. "/results.json")):read "a") end
  teardown(function() os.execute(("rm -r %s %s"):format(path, out)) end)

  it("writes results that fit the schema", function()
    local ok, printed = run ""
    assert.is_true(ok, printed)
    local got = results()
    assert.is_nil(check_schema(got, json.decode(assert(io.open "docs/results.schema.json"):read "a")))
    assert.equal("holds", got.verdict)
    assert.same({ 2.001, 2.002, 2.003 }, got.measured[1].values)
    assert.equal(2, got.measured[1].published)
    assert.equal(3, got.ceiling)
    assert.same({ "lines" }, got.figures)
    assert.equal(100, got.details.points)
    assert.matches("two +2.002 ± 0.001 %(2%)\n", printed)
    assert.matches("Verdict: holds\n", printed)
  end)
  it("takes seeds and settings from the command line", function()
    assert.is_true(run "--quick --seeds 4 --seed 7 --n-points 55")
    local got = results()
    assert.same({ 4, 7, 55, true }, { got.seeds, got.first_seed, got.settings.n_points, got.quick })
    assert.equal(2.010, got.measured[1].values[4])
    run "--quick"
    assert.same({ 1, 10 }, { results().seeds, results().settings.n_points })
    assert.is_true(run("--quick --n 40", guide_example()))
    assert.same({ "my_claim", 3 }, { results().name, #results().measured })
    local ok, printed = run "--n-pints 3"
    assert.is_falsy(ok)
    assert.matches("unknown option", printed)
    ok, printed = run "--quick --n-points 3 --n-points 4"
    assert.is_falsy(ok)
    assert.matches("option '%-%-n%-points' must be used at most 1 time", printed)
  end)
  it("takes a negative number after an option as its value, and explains settings", function()
    local toy = [[
      local run = require("moonbow").experiment.start { name = "toy", claim = "none",
        settings = { align = { 37, 36, "integer" }, n = { 3, 2 } }, about = { align = "where it begins" } }
      run:add("align", run.settings.align + 0.5)
      run:finish()]]
    for arguments, value in pairs { ["--align -27"] = -27, ["--align=-2"] = -2, ["--align 4"] = 4 } do
      assert.is_true(run(arguments, toy))
      assert.equal(value, results().settings.align)
    end
    local ok, printed = run("--seed -1", toy)
    assert.is_falsy(ok)
    assert.equal("toy: --seed: expected a non-negative integer, got -1\n", printed)
    ok, printed = run("--help", toy)
    assert.is_true(ok)
    assert.truthy(printed:find("where it begins (default 37, with --quick 36)", 1, true), printed)
    assert.matches("%-%-n <n> +default 3, with %-%-quick 2\n", printed)
    ok, printed = run("", (toy:gsub('about = { align', 'about = { aling')))
    assert.is_falsy(ok)
    assert.truthy(printed:find("experiment.start: about: aling: expected the name of a setting", 1, true), printed)
  end)
  it("says in every script what its settings are", function()
    for file in lfs.dir "experiments" do
      local source = file:find "%.lua$" and io.open("experiments/" .. file)
      if source and source:read "a":find("settings = {", 1, true) then
        local pipe = io.popen(("%s experiments/%s --help"):format(interpreter, file))
        for line in pipe:lines() do
          assert.is_nil(line:find "%s%s+default %S+, with %-%-quick", file .. ": " .. line)
        end
        pipe:close()
      end
    end
  end)
  it("decides nothing in a quick run, in what it prints and what it writes", function()
    local ok, printed = run "--quick --seeds 3"
    assert.is_true(ok, printed)
    assert.matches("undecided  two is above one by a half\n", printed)
    assert.matches("Verdict: not decided by a quick run\n", printed)
    assert.is_nil(printed:find("yes", 1, true))
    local got = results()
    assert.same({ "not decided by a quick run", "undecided", "undecided" },
      { got.verdict, got.rules[1].answer, got.rules[2].answer })
    assert.is_nil(check_schema(got, json.decode(assert(io.open "docs/results.schema.json"):read "a")))
  end)
  it("judges shares by Wilson's interval, and their differences by Student's", function()
    local ok, printed = run("--seeds 30", [[
      local run = require("moonbow").experiment.start { name = "toy", claim = "none", seeds = { full = 3, quick = 1 } }
      for seed in run:each_seed() do
        run:add("alive", 1)
        run:add("alive without", seed < 30 and 1 or 0)
      end
      run:rule { "alive in more than 99 of 100", "alive", above = 0.99 }
      run:rule { "alive in more than 88 of 100", "alive", above = 0.88 }
      run:rule { "more often", "alive", above = "alive without" }
      run:finish()
    ]])
    assert.is_true(ok, printed)
    assert.matches("\nalive +1%.000 %(0%.886 to 1%.000%)\n", printed)
    assert.matches("\nalive without +0%.967 %(0%.833 to 0%.994%)\n", printed)
    local answers = {}
    for i, rule in ipairs(results().rules) do answers[i] = rule.answer end
    assert.same({ "undecided", "yes", "undecided" }, answers)
  end)
  it("trains with the settings of all experiments, and sums figures up for plots", function()
    assert.is_true(run("--seeds 3", [[
      local mb = require "moonbow"
      local run = mb.experiment.start { name = "toy", claim = "none", seeds = { full = 3, quick = 1 } }
      local part = { x = mb.rng(1):normal(0, 1, 40, 8, 1), y = {} }
      for i = 1, 40 do part.y[i] = i % 2 + 1 end
      for seed in run:each_seed() do
        local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
        local history = run:train(model, { train = part, validation = part }, 4, seed, { lr = 0.25, epochs = 2 })
        run:add("epochs", #history)
        run:add("rate", history[1].lr)
        run:add("seed", seed)
      end
      run:add("once", 7)
      local means, sds = run:means { "epochs", "rate", "seed", "once" }
      run:finish { means = means, sds = sds, accuracies = run:values "rate" }
    ]]))
    assert.same({ { 2, 0.25, 2, 7 }, { 0, 0, 1, 0 } }, { results().details.means, results().details.sds })
  end)
  it("seeds the default generator, too", function()
    local function drawn(options)
      assert.is_true(run(options, [[
        local mb = require "moonbow"
        local run = mb.experiment.start { name = "toy", claim = "none", seeds = { full = 2, quick = 1 } }
        for seed in run:each_seed() do
          run:add("number", mb.rand(1):item())
          local model = mb.models.one_convolution { classes = 2, pool = 4, filters = 2, length = 40 }
          run:add("weight", model:parameters()[1].value:sum():item())
        end
        run:finish()
      ]]))
      local found = {}
      for i, figure in ipairs(results().measured) do found[i] = figure.values end
      return found
    end
    local all = drawn "--seed 4"
    assert.same(all, drawn "--seed 4")
    assert.same({ { all[1][2] }, { all[2][2] } }, drawn "--seed 5 --seeds 1")
    local ok, printed = run "--seed=-1"
    assert.is_falsy(ok)
    assert.equal("toy: --seed: expected a non-negative integer, got -1\n", printed)
  end)
  it("keeps trained networks in the folder that --networks names, and takes them from there", function()
    local text = [[
      local mb = require "moonbow"
      local run = mb.experiment.start { name = "toy", claim = "none", seeds = { full = 2, quick = 1 }, trains = true }
      local part = { x = mb.rng(1):normal(0, 1, 40, 8, 1), y = {} }
      for i = 1, 40 do part.y[i] = i % 2 + 1 end
      for seed in run:each_seed() do
        local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
        local history = run:train(model, { train = part, validation = part }, 4, seed)
        run:add("seconds", history[1].seconds)
        run:add("loss", mb.evaluate(model, part).loss)
      end
      run:finish()
    ]]
    local networks = out .. "/networks"
    local function measured()
      local found = {}
      for i, figure in ipairs(results().measured) do found[i] = figure.values end
      return found
    end
    assert.is_true(run("", text))
    local plain = measured()
    assert.is_true(run("--networks " .. networks, text))
    local kept = measured()
    assert.same(plain[2], kept[2])
    assert.is_true(run("--networks " .. networks, text))
    assert.same(kept, measured()) -- seconds, too: nothing was trained
    local ok, printed = run("--networks " .. path, text)
    assert.is_falsy(ok)
    assert.matches("could not be made: it is a file, not a folder", printed)
  end)
  it("gives the means of figures as series of plots", function()
    local ok, printed = run("--seeds 3", [[
      local mb = require "moonbow"
      local run = mb.experiment.start { name = "toy", claim = "none", seeds = { full = 3, quick = 1 } }
      for seed in run:each_seed() do
        for _, size in ipairs { 1, 2 } do run:add(("100 %%, pool %d @ near"):format(size), size * seed) end
      end
      local name = "100 %, pool %s @ near"
      local function refusal(...) return select(2, pcall(run.series, run, ...)) end
      run:figure("bars", mb.plot.bars { categories = { "1", "2" }, series = { run:series(name, { "1", "2" }) } })
      run:finish { bars = run:series(name, { "1", "2" }, { label = "near" }),
        lines = run:series(name, { 1, 2 }, { x = { 1, 2 }, style = "both", error = false }),
        refusals = { refusal("near", { 1 }), refusal(name, { 3 }), refusal(name, {}, { lable = "near" }) } }
    ]])
    assert.is_true(ok, printed)
    local details = results().details
    assert.same({ values = { 2, 4 }, error = { 1, 2 }, label = "near" }, details.bars)
    assert.same({ x = { 1, 2 }, y = { 2, 4 }, style = "both" }, details.lines)
    assert.matches("run:series: name: expected one with %%s in it, got 'near'$", details.refusals[1])
    assert.matches("run: nothing was measured as '100 %%, pool 3 @ near'", details.refusals[2])
    assert.matches("run:series: unknown option 'lable'; did you mean 'label'%?$", details.refusals[3])
  end)
  it("keeps the old results if new ones cannot be written", function()
    assert.is_true(run "")
    local before = assert(io.open(out .. "/results.json")):read "a"
    local start = 'local run = require("moonbow").experiment.start { name = "toy", claim = "b" }\nrun:add("a", 1)\n'
    local ok, printed = run("", start .. "run:finish { accuracy = { 1, 0 / 0 } }")
    assert.is_falsy(ok)
    assert.matches("results%.json: not written: details%.accuracy%[2%] is nan, which JSON cannot hold", printed)
    ok, printed = run("", start .. "run:finish { f = print }")
    assert.is_falsy(ok)
    assert.matches("details%.f is a function", printed)
    assert.equal(before, assert(io.open(out .. "/results.json")):read "a")
    assert.is_true(run("", start .. "run:finish()"))
    local text = assert(io.open(out .. "/results.json")):read "a"
    assert.truthy(text:find('"figures":[]', 1, true))
    assert.truthy(text:find('"rules":[]', 1, true))
    local keys = {}
    for key in text:gmatch '[{,]"(%a[%w_]*)":' do keys[#keys + 1] = key end
    assert.equal("claim", keys[1])
  end)
  it("pairs a figure that some seeds lack by seed, not by position", function()
    -- By position, 12 of seed 2 would be paired with 0 of seed 1, and the rule would seem to hold by far.
    local ok, printed = run("", [[
local run = require("moonbow").experiment.start { name = "toy", claim = "b is above a", seeds = { full = 5 } }
for seed in run:each_seed() do
  run:add("a", 10 * (seed - 1))
  if seed > 1 then run:add("b", 10 * (seed - 1) + 2) end
end
print("answer " .. run:rule { "b is above a by 5", "b", above = "a", by = 5 },
  run:rule { "a is below b", "a", below = "b" })
run:finish()]])
    assert.is_true(ok, printed)
    assert.matches("answer no\tyes", printed)
    assert.matches("yes +a is below b %(by 4 of 5 values%)", printed)
    local got = results()
    assert.is_nil(check_schema(got, json.decode(assert(io.open "docs/results.schema.json"):read "a")))
    assert.same({ 2, 3, 4, 5 }, got.measured[2].seeds)
    assert.same({ 4, 4 }, { got.rules[1].n, got.rules[2].n })
  end)
  it("refuses to pair figures without common seeds, or with different numbers of values", function()
    local start = 'local run = require("moonbow").experiment.start { name = "toy", claim = "b" }\n'
    local ok, printed = run("", start .. [[
for seed in run:each_seed() do run:add(seed > 2 and "a" or "b", 1) end
run:rule { "b is above a", "b", above = "a" }]])
    assert.is_falsy(ok)
    assert.matches("run:rule: no seed has both 'b' and 'a'", printed)
    ok, printed = run("", start .. [[
for seed in run:each_seed() do
  run:add("a", 1)
  for _ = 1, seed do run:add("b", 1) end
end
run:rule { "b is above a", "b", above = "a" }]])
    assert.is_falsy(ok)
    assert.matches("run:rule: seed 2 has 2 values of 'b', but 1 of 'a'", printed)
  end)
  it("without rules writes results that fit the schema, and without figures nothing", function()
    local start = 'local run = require("moonbow").experiment.start { name = "toy", claim = "none" }\n'
    local ok, printed = run("", start .. 'run:add("a", 1)\nrun:finish()')
    assert.is_true(ok, printed)
    assert.matches("Verdict: no rules\n", printed)
    local text = assert(io.open(out .. "/results.json")):read "a"
    assert.matches('"figures": ?%[%]', text) -- {} is an object, which the schema refuses
    assert.matches('"rules": ?%[%]', text)
    assert.is_nil(check_schema(results(), json.decode(assert(io.open "docs/results.schema.json"):read "a")))
    os.remove(out .. "/results.json")
    ok, printed = run("", start .. "run:finish()")
    assert.is_falsy(ok)
    assert.matches("run:finish: nothing was measured", printed)
    assert.is_nil(io.open(out .. "/results.json"))
  end)
  it("finds before it computes that it cannot write", function()
    local begun = script:gsub("for seed in", "print 'begun'\nfor seed in")
    local file = assert(io.open(path, "w"))
    file:write(begun)
    file:close()
    local pipe = io.popen(("%s %s --out %s/sub 2>&1"):format(interpreter, path, path))
    local printed = pipe:read "a"
    assert.same({ nil, "exit", 1 }, { pipe:close() })
    assert.is_nil(printed:find("begun", 1, true), printed)
    assert.is_truthy(printed:find(path .. "/: could not be made: it is a file, not a folder", 1, true), printed)
  end)
  it("finds before it computes that the disk is full", function()
    local full = script:gsub("local mb = require \"moonbow\"", [[%0
      require("moonbow.core").file_put = function() return nil, "No space left on device" end]])
    local ok, printed = run("", (full:gsub("for seed in", "print 'begun'\nfor seed in")))
    assert.is_falsy(ok)
    assert.is_nil(printed:find("begun", 1, true), printed)
    assert.matches("/results%.json: could not be written: No space left on device", printed)
  end)
  it("and the review say in one line that a folder cannot be made", function()
    local pipe = io.popen(("%s experiments/review.lua --quick --out %s 2>&1"):format(interpreter, path))
    assert.equal(path .. "/: could not be made: it is a file, not a folder\n", pipe:read "a")
    assert.same({ nil, "exit", 1 }, { pipe:close() })
  end)
  it("ends with one line if a function refuses what an option asks for, and with a traceback for an error", function()
    local function ends(code, rest, options)
      local file = assert(io.open(path, "w"))
      file:write(([[
        local mb = require "moonbow"
        local run <close> = mb.experiment.start { name = "toy", claim = "none", settings = { n = { 8, 4 } } }
        local s = run.settings
        local x = mb.rng(1):normal(0, 1, 3, 20, 1)
        for seed in run:each_seed() do
          %s
        end]]):format(rest))
      file:close()
      local pipe = io.popen(("%s %s --out %s %s 2>&1"):format(interpreter, path, out, options or ""))
      local text = pipe:read "a"
      assert.same({ nil, "exit", code }, { pipe:close() }, text)
      return text:gsub("^%[.-\n", "") -- the line of the progress
    end
    assert.matches("^toy: max_pool1d: [^\n]*\n$", ends(2, "print(x:max_pool1d { size = s.n })", "--n 99"))
    assert.matches("^toy: [^\n]*'linaer'[^\n]*\n$", ends(2, "mb.nn.Activation { name = 'linaer' }"))
    for _, fault in ipairs { "print(x.y.z)", "error 'nothing'", "print(('%d'):format {})", "mb.experiment.table(3)" } do
      assert.matches("stack traceback:", ends(1, fault))
    end
  end)
  it("prints what it would do, and keeps what differs from that in its results", function()
    local ok, printed = run "--plan --quick --n-points 7"
    assert.is_true(ok)
    assert.same({ quick = true, first_seed = 1, seeds = 1, settings = { n_points = 7 } }, json.decode(printed))
    for arguments, options in pairs { [""] = "", ["--seeds 3 --n-points 100"] = "", ["--quick --seeds 3"] =
      "--quick --seeds 3", ["--n-points 55 --seed 7 --seeds 1"] = "--seed 7 --seeds 1 --n-points 55" } do
      assert.is_true(run(arguments))
      assert.equal(options, results().options)
    end
  end)
  it("refuses settings, names and figures that it could not use", function()
    local function fails(message, options, rest, arguments)
      local ok, printed = run(arguments or "", ('local run = require("moonbow").experiment.start { name = "toy", '
        .. 'claim = "none", %s }\n%s'):format(options, rest or ""))
      assert.is_falsy(ok)
      assert.truthy(printed:find(message, 1, true), printed)
    end
    fails("settings: n: expected { full, quick }", "settings = { n = { 1000 } }")
    fails("settings: n[2]: expected a finite number, got 'x'", "settings = { n = { 1000, 'x' } }")
    fails("settings: out: expected the name of an option of its own", "settings = { out = { 1, 2 } }")
    fails("settings: plan: expected the name of an option of its own", "settings = { plan = { 1, 2 } }")
    fails("settings: n[1]: expected a number from 0 to 1, got 2", "settings = { n = { 2, 1, 'fraction' } }")
    for arguments, settings in pairs {
      ["--n: expected a positive integer, got '1e999'"] = "{ 1, 2 }", ["--n: expected a positive integer, got 0"] =
        "{ 1, 2 }", ["--n: expected a non-negative integer, got 2.5"] = "{ 1, 0 }",
      ["--n: expected a finite number, got 'x'"] = "{ 0.5, 1 }", ["--n: expected a positive number, got 0"] =
        "{ 1, 2, 'positive' }",
    } do
      fails("toy: " .. arguments, ("settings = { n = %s }"):format(settings), "",
        "--n " .. arguments:match "got '?([^']*)")
    end
    fails("toy: --seeds: expected a positive integer, got 0", "", "", "--seeds 0")
    fails("toy: --seed: expected at most 9223372036854775806 with 2 seeds, got 9223372036854775807\n", "", "",
      "--seeds 2 --seed 9223372036854775807")
    fails("unknown option '--networks'", "", "", "--networks " .. out)
    fails("run:figure: a: expected a figure of mb.plot, got nil", "", "run:figure('a')")
    fails("run:add: a: expected a finite number, got ", "", "run:add('a', 0 / 0)")
    fails("run:add: name: expected a string, got nil", "", "run:add(nil, 1)")
    local ok, printed = run("", script:gsub("two = 2 }", "twoo = 2 }"))
    assert.is_true(ok)
    assert.matches("warning: .*run:finish: published: nothing was measured as 'twoo'", printed)
  end)
  it("keeps a quick run apart from a full one", function()
    local experiment = require "moonbow.experiment"
    assert.same({ "results/toy", "results/toy_quick" }, { experiment.folder "toy", experiment.folder("toy", true) })
    local there = temporary_folder()
    run("", ('local uv = require "luv", require "moonbow"\nuv.chdir "%s"\n'):format(there) .. script)
    local function from_there(arguments)
      return os.execute(("%s %s %s >/dev/null 2>&1"):format(interpreter, path, arguments))
    end
    local function quick_of(folder)
      local file = io.open(("%s/results/%s/results.json"):format(there, folder))
      return file and json.decode(file:read "a").quick
    end
    assert.is_true(from_there "")
    assert.is_true(from_there "--quick")
    assert.same({ false, true }, { quick_of "toy", quick_of "toy_quick" })
    os.execute("rm -r " .. there)
  end)
end)

describe("the schema", function()
  it("finds errors", function()
    local schema = json.decode(assert(io.open "docs/results.schema.json"):read "a")
    local function result(changes)
      local all = { schema = 1, name = "x", claim = "x", verdict = "holds", seeds = 1, first_seed = 1, quick = true,
        rules = { { text = "x", figure = "a", above = 1, by = 0, answer = "yes", n = 3 } },
        settings = {}, seconds = 1.5,
        measured = { { name = "a", values = { 1 } } }, threads = 2, written = "now", figures = {} }
      for key, value in pairs(changes) do all[key] = value end
      return check_schema(all, schema)
    end
    assert.is_nil(result {})
    assert.equal("results: unknown extra", result { extra = 1 })
    assert.equal("results.verdict: not one of those allowed: perhaps", result { verdict = "perhaps" })
    assert.equal("results.seeds: expected integer", result { seeds = 1.5 })
    assert.equal("results.measured: too short", result { measured = {} })
    assert.equal("results.measured[1].values[1]: expected number", result { measured = { { name = "a",
      values = { "x" } } } })
    assert.matches("^results.measured%[1%]: lacks", result { measured = { { name = "a" } } })
  end)
end)

-- A classifier by the nearest mean.
local function nearest_mean(x, y)
  local flat, means = x:reshape(#x, -1), {}
  for k = 1, 2 do
    local rows = {}
    for i = 1, #y do
      if y[i] == k then rows[#rows + 1] = i end
    end
    means[k] = flat:index(rows):mean(1)
  end
  return {
    score = function(_, test_x, test_y)
      local test, right = test_x:reshape(#test_x, -1), 0
      for i = 1, #test do
        local first, second = (test[i] - means[1]):sum_squares():item(), (test[i] - means[2]):sum_squares():item()
        if (first < second and 1 or 2) == test_y[i] then right = right + 1 end
      end
      return right / #test
    end,
  }
end

describe("probe", function()
  local nn = mb.nn
  local set = mb.data.single_peak { n = 60, validation = 1, test = 40, length = 200, position = 100, shift = 30 }
  local model = nn.Sequential { nn.Conv1d { filters = 3, kernel = 5, activation = "relu" }, nn.MaxPool1d { size = 4 },
    nn.Dropout { rate = 0.5 }, nn.Flatten {}, nn.Dense { units = 2 } }
  model:build({ 200, 1 }, mb.rng(1))

  it("scores every map", function()
    local seen = {}
    local found = mb.probe(model, set.train.x, set.train.y, function(x, y)
      seen[#seen + 1] = x:shape()
      return nearest_mean(x, y)
    end, { test = set.test, batch_size = 7 })
    assert.same({ { 60, 200, 1 }, { 60, 196, 3 }, { 60, 49, 3 }, { 60, 49, 3 }, { 60, 147 }, { 60, 2 } }, seen)
    assert.same({ "input", "Conv1d", "MaxPool1d", "Dropout", "Flatten", "Dense" },
      { found[1].type, found[2].type, found[3].type, found[4].type, found[5].type, found[6].type })
    assert.same({ 49, 3 }, found[3].shape)
    local pooled = set.train.x:conv1d(model.layers[1].weight, model.layers[1].bias):relu():max_pool1d { size = 4 }
    local pooled_test = set.test.x:conv1d(model.layers[1].weight, model.layers[1].bias):relu():max_pool1d { size = 4 }
    assert.equal(nearest_mean(pooled, set.train.y):score(pooled_test, set.test.y), found[3].accuracy)
    assert.equal(found[3].accuracy, found[4].accuracy) -- dropout is off
  end)
  it("takes labels (N, 1) as N labels", function()
    local function probe(y) return mb.probe(model, set.train.x, y, nearest_mean, { layers = { 0 } })[1].accuracy end
    assert.equal(probe(set.train.y), probe(set.train.y:reshape(60, 1)))
  end)
  it("cross-validates if there is no test set", function()
    local sizes = {}
    local found = mb.probe(model, set.train.x, set.train.y, function(x, y)
      sizes[#sizes + 1] = #x
      return nearest_mean(x, y)
    end, { layers = { 2 }, folds = 3 })
    assert.same({ 40, 40, 40 }, sizes)
    assert.equal(1, #found)
    assert.equal(2, found[1].layer)
  end)
  it("refuses invalid arguments", function()
    local function refuses(message, ...)
      local arguments = table.pack(...)
      assert.error_matches(function() mb.probe(table.unpack(arguments, 1, arguments.n)) end, message)
    end
    refuses("model: expected a Sequential", 3, set.train.x, set.train.y, nearest_mean)
    refuses("classifier: expected a function, got 'forest'", model, set.train.x, set.train.y, "forest")
    refuses("returns an object with score%(x, y%), it returned 3", model, set.train.x, set.train.y,
      function() return 3 end)
    refuses("layers: entry 2 of 3 is nil", model, set.train.x, set.train.y, nearest_mean, { layers = { 1, nil, 2 } })
    refuses("folds: with test nothing is cross%-validated", model, set.train.x, set.train.y, nearest_mean,
      { test = set.test, folds = 3 })
    refuses("expected a score that is a finite number, got NaN", model, set.train.x, set.train.y,
      function() return { score = function() return 0 / 0 end } end)
    refuses("layers: expected numbers from 0 to 5, got 6", model, set.train.x, set.train.y, nearest_mean,
      { layers = { 6 } })
  end)
end)
