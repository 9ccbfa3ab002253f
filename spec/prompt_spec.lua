-- The prompt: completions, what print shows, the history, and all of it in a real terminal.
local mb = require "moonbow"
local complete = require "moonbow.prompt.complete"
local prompt = require "moonbow.prompt"
local show = require "moonbow.prompt.show"
local history = require "moonbow.prompt.history"
local files = require "moonbow.io.files"

-- The globals of the prompt, which the functions below complete on.
local function set_globals(globals)
  for name, value in pairs(globals) do _G[name] = value end
end

local nn = mb.nn
local globals = {
  mb = mb, nn = nn, x = mb.ones(2, 3), rng = mb.rng(1),
  model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.Flatten {} },
  set = { train = { x = mb.ones(2, 8, 1), y = mb.ones(2) }, classes = { "a", "b" }, ["two words"] = 1 },
}

describe("Tab", function()
  setup(function() set_globals(globals) end)
  teardown(function()
    for name in pairs(globals) do _G[name] = nil end
  end)

  local function offers(text, expected, appended)
    local prefix, found, append = complete(text, mb)
    assert.equal(prefix, text:sub(#text - #prefix + 1))
    assert.same(expected, found, text)
    if appended then assert.equal(appended, append) end
  end
  local function includes(text, ...)
    local _, found = complete(text, mb)
    local set = {}
    for _, name in ipairs(found) do set[name] = true end
    for _, name in ipairs { ... } do assert.is_true(set[name], text .. " lacks " .. name) end
    return found
  end

  it("completes global names and words of the language", function()
    offers("mo", { "model" })
    offers("y = rn", { "rng" })
    offers("retu", { "return" })
    includes("", "mb", "nn", "print")
  end)
  it("completes modules and fields", function()
    offers("mb.da", { "data" })
    offers("print(mb.data.bor", { "border_peaks" })
    offers("a..mb.zer", { "zeros" })
    offers("nn.Conv", { "Conv1d", "Conv1dTranspose" })
    offers("set.train.", { "x", "y" })
    offers("model.layers[1].opt", { "options" })
    includes("mb.models.", "lee2020_cnn3", "vgg16")
  end)
  it("completes methods behind a colon, and no fields", function()
    offers("x:res", { "reshape" })
    offers("set.train.x:soft", { "softmax", "softplus" })
    offers("model:summ", { "summary" })
    offers("model.layers[2]:summ", { "summary" })
    offers("model:laye", {})
    offers("rng:permu", { "permutation" })
    offers("x:mean(1):resh", { "reshape" })
    offers('("text"):resh', { "reshape" })
    offers("x[1]:resh", { "reshape" })
    offers("x:mean(1):sum({ 1, 2 }, 'a)'):resh", { "reshape" })
    offers("model(x):resh", { "reshape" })
    offers("mb.rng(1):permu", { "permutation" })
    offers("y = mb.tensor{ { 1 }, { 2 } }:resh", { "reshape" })
    offers("nn.Dense{ units = 2 }:summ", { "summary" })
    offers("mb.models.cnn{ classes = 2 }:summ", { "summary" })
    offers("mb.fit(model, set.train):pl", { "plot" })
    offers("mb.fit(model, set.train):plot():sa", { "save" })
    offers("mb.plot.lines(x):sa", { "save" })
    offers('mb.spectra.read("a.csv"):cro', { "crop" })
    offers('mb.spectra.read("a.csv"):crop(1, 2):plot():sa', { "save" })
    offers('mb.spectra.read("a.csv"):resh', {})
    offers('mb.pipeline { "snv", "pls" }:fit(set):pre', { "predict" })
    offers('mb.forest.fit(x, { 1, 2 }):predict_', { "predict_proba" })
    local inner = "class is_layer from_config ensure_made call infer keep_modes keep_unmade tostring visit_tensors "
      .. "forward make output_shape save fit"
    for _, text in ipairs { "model:", "nn.Dense{ units = 2 }:" } do
      for _, name in ipairs(includes(text, "build", "parameters", "train")) do
        assert.is_nil(inner:find("%f[%w_]" .. name .. "%f[^%w_]"), text .. name)
      end
    end
    offers("model.layers[1]:conv", {})
    offers("mb.optim.Adam{}:", { "load_state", "state", "step" })
  end)
  it("knows the results of calls as the reference does", function()
    local types = {}
    for _, entry in ipairs(require("moonbow.help.entries").all(mb)) do
      if type(entry.value) == "function" and #entry.returns > 0 then
        types[require("moonbow.counted").original(entry.value)] = entry.returns[1].type
      end
    end
    local known = 0
    for f, class in pairs(require("moonbow.prompt.returned").all()) do
      if types[f] then
        assert.equal(types[f], class)
        known = known + 1
      end
    end
    assert.is_true(known > 40)
    for f, class in pairs(types) do
      if require("moonbow.counted").classes[class] and class ~= "tensor" then
        assert.equal(class, require("moonbow.prompt.returned").class(f))
      end
    end
  end)
  it("completes option names inside a call, but those already given", function()
    offers("mb.fit(model, set.train, { ep", { "epochs = " })
    offers("mb.fit(model, set.train, { epochs = 3, ep", {})
    offers("h = mb.fit(model, set.train, {\n  epochs = 3,\n  ba", { "batch_size = " })
    offers("mb.fit(model, set.train, { early_stopping = { pat", { "patience = " })
    offers("mb.fit(model, set.train, { schedule = { 'step', fac", { "factor = " })
    offers("nn.Conv1d{ filt", { "filters = " })
    offers("nn.Conv1d({ filt", { "filters = " })
    offers("nn.Sequential{ nn.Conv1d{ filters = 2, kern", { "kernel = " })
    offers("nn.Sequential{ nn.Conv1d{ filters = 2 }, na", { "name = " })
    offers("mb.plot.lines{ series = { { lab", { "label = " })
    offers("x:conv1d(x, nil, { dil", { "dilation = " })
    offers("mb.rng(1):integers(1, 2, { end", { "endpoint = " })
    offers("mb.optim.SGD{ mom", { "momentum = " })
    offers("mb.data.border_peaks{ le", { "length = " })
    offers("mb.models.cnn{ cla", { "classes = " })
    includes("mb.fit(model, set.train, { ", "epochs = ", "validation = ")
    offers("mb.fit(model, set.train, ", { "{ " })
  end)
  it("does not take other tables for options", function()
    offers("mb.fit(model, { ep", {})
    offers("t = { ep", {})
    offers("mb.fit(model, set.train, { epochs = ep", {})
  end)
  it("completes the kind of a schedule, which comes first, and then its options", function()
    offers("mb.fit(model, set.train, { schedule = ", { "{ " })
    offers("mb.fit(model, set.train, { schedule = { ", { '"constant"', '"cosine"', '"plateau"', '"step"' })
    offers('mb.fit(model, set.train, { schedule = { "', { "constant", "cosine", "plateau", "step" })
    offers('mb.fit(model, set.train, { schedule = { "cos', { "cosine" }, '"')
    includes('mb.fit(model, set.train, { schedule = { "cosine", ', "min_lr = ")
  end)
  it("completes topics of help with the name of their table, and names that options take", function()
    local function has(text, wanted)
      local _, found = complete(text, mb)
      for _, name in ipairs(found) do
        if name:find(wanted, 1, true) then return true end
      end
      return false
    end
    assert.is_true(has('mb.help "xrd.pe', "xrd.peaks"))
    assert.is_true(has('mb.help "spectra.r', "spectra.read"))
    assert.is_true(has('mb.xrd.identify(p, c, { method = "', "dissimilarity"))
    assert.is_true(has('mb.plot.lines { dash = "', "dotted"))
  end)
  it("completes values that are names", function()
    offers("nn.Conv1d{ padding = ", { '"causal"', '"same"', '"valid"' })
    offers('nn.Conv1d{ padding = "sa', { "same" }, '"')
    offers("nn.Conv1d{ activation = 'softp", { "softplus" }, "'")
    offers('mb.data.border_peaks{ shape = "lor', { "lorentzian" }, '"')
    offers('nn.Dense{ initializer = "he_u', { "he_uniform" }, '"')
    offers('mb.preprocess.fit({ "sav', { "savitzky_golay" }, '"')
    offers('mb.pipeline({ "sn', { "snv" }, '"')
    offers('mb.pipeline { { "savitzky_g', { "savitzky_golay" }, '"')
    offers('mb.cross_validate({ "snv", { "pls', { "pls", "plsda" })
    offers('mb.compare({ { "snv", "rid', { "ridge" }, '"')
    offers('mb.cross_validate({ "snv", "pls" }, set, { label = "sn', {})
    offers('mb.help "Conv', { "Conv1d", "Conv1dTranspose" }, '"')
    offers('mb.help("border', { "border_peaks" }, '"')
    offers('set["two', { "two words" }, '"')
  end)
  it("completes paths in other quotes, folders without an end", function()
    offers('mb.load("spec/support/typ', { "spec/support/typed.lua" }, '"')
    offers("io.open('spec/supp", { "spec/support/" }, "")
    offers("io.open('no folder/", {})
  end)
  it("offers nothing in numbers, comments and long strings", function()
    offers("y = 3.", {})
    offers("y = 35", {})
    offers("x -- mb.", {})
    offers("--[[ mb.", {})
    offers("s = [[mb.", {})
    offers("nothing.", {})
    offers("nothing:", {})
    offers("model.nothing.", {})
  end)
  it("looks at a bounded number of fields", function()
    local large = {}
    for i = 1, 5000 do large["name" .. i] = i end
    set_globals { set = large }
    finally(function() set_globals(globals) end)
    for _, text in ipairs { "set.", 'set["' } do
      local _, found = complete(text, mb)
      assert.is_true(#found > 0 and #found <= 1000)
    end
  end)
  it("calls nothing", function()
    local function raise() error "called" end
    local touchy = setmetatable({ own = 1 }, { __index = raise, __newindex = raise, __pairs = raise, __len = raise,
      __tostring = raise, __call = raise, __eq = raise, __metatable = "hidden" })
    set_globals { model = touchy }
    finally(function() set_globals(globals) end)
    offers("model.o", { "own" })
    offers("model.o.x", {})
    offers("model:o", {})
    offers("model.else_.x:o", {})
    offers("model(1, { own", {})
    offers('model["o', { "own" })
  end)
  it("fits what it offers to the word that readline completes", function()
    local function words(line, from) return (prompt.words(mb, line, from, #line)) end
    assert.same({ "mb.data" }, words("y = mb.da", 5))
    assert.same({ "a,mb.data" }, words("f(a,mb.da", 3))
    assert.same({ "epochs = " }, words("mb.fit(model,set,{ep", 19))
    assert.same({ "words" }, words('set["two wo', 10))
    assert.same({ '"causal"', '"same"', '"valid"' }, words("nn.Conv1d{ padding = ", 22))
  end)
end)

describe("the prompt's print", function()
  it("shows the entries of plain tables, a line each where one line is not enough", function()
    assert.equal("{}", show {})
    assert.equal("{ 1, 2, x = 'text' }", show { 1, 2, x = "text" })
    assert.equal("{ a = tensor {2, 3}, f = function }", show { a = mb.ones(2, 3), f = print })
    assert.equal("{\n  deep = { inner = { ... } },\n  n = 1\n}", show { n = 1, deep = { inner = { { 1 } } } })
    assert.equal("nn.ReLU{}", show(nn.ReLU {}))
    assert.equal("{ [10] = 0.9, [20] = 0.8 }", show { [20] = 0.8, [10] = 0.9 })
    assert.equal("{ 'one', [-1] = 'm', [0] = 'zero', [true] = 1 }",
      show { [0] = "zero", [-1] = "m", "one", [true] = 1 })
    assert.equal("{\n  [3] = { 1, 2 },\n  [7] = { 3 }\n}", show { [3] = { 1, 2 }, [7] = { 3 } })
    assert.equal("text", show "text")
    assert.equal("nil", show(nil))
  end)
  it("is bounded", function()
    local long, wide = {}, {}
    for i = 1, 1000 do long[i], wide["name " .. i] = i, ("x"):rep(1000) end
    assert.matches("  20,\n  %.%.%. 980 more\n}$", show(long))
    assert.is_true(#show(wide) < 2000)
  end)
  it("survives tables in themselves", function()
    local loop = {}
    loop.loop = loop
    assert.matches("^{.*loop = { %.%.%. }", show(loop))
  end)
end)

describe("the history", function()
  -- Lines as from lua-readline, which writes them only to a file.
  local function readline()
    local lines = {}
    return {
      lines = lines, add_history = function(line) lines[#lines + 1] = line end,
      history_length = function() return #lines end,
      append_history = function(count, path)
        local file = assert(io.open(path, "a"))
        for i = #lines - count + 1, #lines do file:write(lines[i], "\n") end
        file:close()
      end,
    }
  end
  local path
  before_each(function() path = os.tmpname() .. "/deep/history" end)
  before_each(function() os.remove((path:match "^(.-)/deep")) end)
  after_each(function() os.execute(("rm -rf '%s'"):format(path:match "^(.-)/deep")) end)

  it("comes back in the next session", function()
    local first, second = readline(), readline()
    local save = history.open(first, path)
    first.add_history "x = 1"
    first.add_history "x = 1"
    first.add_history "y = 2"
    assert.is_true(save())
    history.open(second, path)
    assert.same({ "x = 1", "y = 2" }, second.lines)
  end)
  it("keeps all lines of a statement", function()
    local typed = { "for i = 1, 2 do", "for j = 1, 2 do", "x = x + 1", "x = x + 1", "end", "end", "x", "x", "end" }
    local lines = readline()
    local save = history.open(lines, path)
    for _, line in ipairs(typed) do lines.add_history(line) end
    assert.is_true(save())
    table.remove(typed, 8) -- the second of two equal statements
    assert.equal(table.concat(typed, "\n") .. "\n", files.read(path))
  end)
  it("keeps what another session has added meanwhile", function()
    local one, other = readline(), readline()
    local save_one, save_other = history.open(one, path), history.open(other, path)
    one.add_history "one"
    other.add_history "other"
    assert.is_true(save_one())
    assert.is_true(save_other())
    assert.is_true(save_other())
    assert.equal("one\nother\n", files.read(path))
  end)
  it("is bounded", function()
    local lines = readline()
    local save = history.open(lines, path)
    for i = 1, 1500 do lines.add_history("line " .. i) end
    assert.is_true(save())
    local text = files.read(path)
    assert.equal("line 501", text:match "^[^\n]*")
    assert.matches("line 1500\n$", text)
  end)
end)

-- Returns what the prompt writes if the lines come from a pipe.
local function at_prompt(environment, ...)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(table.concat({ ... }, "\n"), "\n")
  file:close()
  local paths, lua = require "spec.support.interpreter":match "^(LUA_PATH.*) (%S+)$"
  local command = ("%s %s MOONBOW_LUA=%s bin/moonbow -i /dev/null <%s 2>&1"):format(environment, paths, lua, path)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  os.remove(path)
  return text
end

describe("an error at the prompt", function()
  it("is the message alone, without moonbow's functions", function()
    local text = at_prompt("", "x = mb.zeros(2, 3)", "x:reshape(4)", "x + mb.zeros(5)", "mb.fit(1)", "nn.Dense{}({})",
      "nn.Dense{ units = 'a' }", "model = nn.Dense{ units = 2 }", "model(x)", "model(mb.zeros(1, 7))")
    for _, message in ipairs { "reshape: shape {4}", "add: shapes", "fit: model: ", "Dense: units", "Dense: input" } do
      assert.is_truthy(text:find(message, 1, true), message)
    end
    assert.is_nil(text:find("traceback", 1, true))
    assert.is_nil(text:find("moonbow/", 1, true))
  end)
  it("names the user's functions", function()
    local text = at_prompt("", "function inner(x) local y = x:reshape(7) return y end",
      "function outer(x) local y = inner(x) return y end", "z = outer(mb.zeros(2))")
    assert.matches("stdin:1: reshape: [^\n]+\nstack traceback:\n\tstdin:1: in [%w ]+ 'inner'\n"
      .. "\tstdin:1: in [%w ]+ 'outer'\n\tstdin:1: in main chunk\n>", text)
    assert.is_nil(text:find("moonbow/", 1, true))
  end)
  it("is a text to whoever catches it", function()
    local text = at_prompt("", "ok, message = pcall(mb.zeros, 'x')", "type(message)",
      "coroutine.wrap(function() print(pcall(mb.zeros, 'x')) end)()", "mb.zeros(1)")
    assert.matches("\n[^\n]*string\n", text)
    assert.matches("false\t[^\n]*zeros: shape: expected an integer", text)
    assert.matches("tensor {1}: 0", text)
  end)
  it("is whole if that is asked for", function()
    local text = at_prompt("MOONBOW_TRACEBACK=1", "mb.zeros('x')")
    assert.matches("stack traceback:\n\t%[C%]: ", text)
  end)
  it("leaves help and completion as they are", function()
    local text = at_prompt("", "mb.help(mb.zeros)", "print(#select(2, require 'moonbow.prompt.complete'("
      .. "'mb.fit(model, set, { ep', mb)))")
    assert.matches("mb%.zeros%(", text)
    assert.matches("\n[> ]*1\n", text)
  end)
end)

describe("moonbow in a terminal", function()
  local typed = require "spec.support.typed"
  local interpreter = require "spec.support.interpreter"
  local has_readline = pcall(require, "C-readline")
  local state = os.tmpname()
  os.remove(state)
  local environment, lua = interpreter:match "^(LUA_PATH.*) (%S+)$"
  local command = ("XDG_STATE_HOME=%s INPUTRC=/dev/null TERM=dumb %s MOONBOW_LUA=%s bin/moonbow"):format(state,
    environment, lua)
  after_each(function() os.execute(("rm -rf '%s'"):format(state)) end)

  it("is Lua's prompt with mb and nn, that Ctrl-C does not end", function()
    local shown = typed(command, {
      { "mb.help()", "" }, { "> ", "mb.zeros(2)\n" }, { "tensor {2}", "" }, { "> ", "\3" },
      { "", "nn.ReLU{}\n" }, { "\nnn.ReLU{}", "" }, { "> ", "for i = 1, 2 do\n" }, { ">> ", "\4" },
      { "> ", "{ a = 1 }\n" }, { "{ a = 1 }\r\n", "" },
      { "> ", "os.exit(7)\n" },
    })
    assert.matches("\nnn.ReLU{}", shown)
    assert.matches("\n{ a = 1 }", shown)
  end)
  it("completes, in the second line of a statement, too, and keeps its history", function()
    if not has_readline then return pending "lua-readline is not installed" end
    local shown = typed(command, {
      { "> ", "y = mb.zer\t(1, 2)\n" }, { "> ", "y\n" }, { "tensor {1, 2}", "" },
      { "> ", "print(nn.Conv1d({\n" }, { ">> ", "filt\t2, ker\t3 }))\n" }, { "\nnn.Conv1d{", "" }, { "> ", "\4" },
    })
    assert.matches("\n>> filters = 2, kernel = 3 }%)%)\nnn.Conv1d{filters = 2, kernel = 3}", shown)
    assert.matches("^y = mb.zeros%(1, 2%)\ny\n", files.read(state .. "/moonbow/history"))
  end)
end)
