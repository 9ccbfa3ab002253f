-- Everything public is in mb.help, in the annotations for editors and on the HTML page, with a text for each option
-- that is accepted; and nothing is there that does not exist.
local lfs = require "lfs"
local mb = require "moonbow"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local public = require "spec.support.public"
local temporary_folder = require "spec.support.temporary_folder"

package.path = package.path .. ";tools/?.lua"
local entries = require("moonbow.help.entries").all(mb)
local annotations = require("reference.luacats").text(entries)
local page = require("reference.html").page(entries, mb.VERSION)

local methods_of = { run = counted.classes.run } -- no object: it would read the command line
for kind, methods in pairs(public.methods) do methods_of[kind] = methods end

local by_path = {}
for _, entry in ipairs(entries) do by_path[entry.path] = entry end

-- The paths of what is public, found without the reference: functions, methods of an object of each kind, modules,
-- and names that stand in options.
local function public_paths()
  local paths = {}
  for path, f in pairs(public.functions) do paths[path] = f end
  for kind, methods in pairs(methods_of) do
    for name, f in pairs(methods) do
      if not counted.is_inside(kind, name) and name:sub(1, 2) ~= "__" then paths[kind .. ":" .. name] = f end
    end
    paths["class " .. kind] = true
  end
  for kind, names in pairs { activation = mb.nn.activations, initializer = mb.nn.initializers,
    step = mb.preprocess.names, schedule = { "plateau", "step", "cosine", "constant" },
    augmentation = { "shift", "warp", "noise", "scale", "mix" },
    loss = { "cross_entropy", "focal", "binary_cross_entropy", "mse", "l1", "huber" } } do
    for _, name in ipairs(names) do paths[('%s "%s"'):format(kind, name)] = true end
  end
  local function add_tables(prefix, values)
    for name, value in pairs(values) do
      if type(value) ~= "function" then paths[prefix .. name] = true end
      if type(value) == "table" then add_tables(prefix .. name .. ".", #value > 0 and {} or value) end
    end
  end
  add_tables("", { nn = mb.nn, plot = mb.plot, models = mb.models, data = mb.data, optim = mb.optim, split = mb.split,
    forest = mb.forest, linear = mb.linear, neighbours = mb.neighbours, preprocess = mb.preprocess,
    safetensors = mb.safetensors, experiment = mb.experiment, spectra = mb.spectra, xrd = mb.xrd,
    explain = mb.explain, logistic = mb.logistic, ridge = mb.ridge, pls = mb.pls, plsda = mb.plsda, pca = mb.pca })
  for name, value in pairs(mb) do
    if type(value) ~= "function" then paths[name] = true end
  end
  return paths
end

local paths = public_paths()

local function failures(test)
  local found = {}
  for _, entry in ipairs(entries) do
    for _, problem in ipairs { test(entry) } do found[#found + 1] = entry.path .. ": " .. problem end
  end
  table.sort(found)
  assert.equal("", table.concat(found, "\n"))
end

local function printed(what)
  local lines, original = {}, print
  _G.print = function(text) lines[#lines + 1] = text end -- luacheck: ignore
  mb.help(what)
  _G.print = original -- luacheck: ignore
  return table.concat(lines, "\n")
end

-- Spectra with labels, for the examples.
local function example_spectra()
  local minerals, samples, fat, moisture = {}, {}, {}, {}
  for i = 1, 40 do
    minerals[i], samples[i], fat[i], moisture[i] = i % 4 < 2 and "calcite" or "quartz", i // 2, i / 10, i
  end
  return mb.spectra.set { x = mb.rand(40, 701), axis = { first = 400, last = 1800, step = 2 }, unit = "cm-1",
    labels = { mineral = minerals, sample = samples, fat = fat, moisture = moisture } }
end

local function write(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

-- The files of the examples.
local function write_example_files()
  lfs.mkdir "scans"
  write("scans/a.csv", "x,1,2,3\ns,4,5,6\n")
  write("labels.csv", "file,mineral\na,calcite\n")
  local lines = { "sample,supplier" }
  for sample = 0, 20 do lines[#lines + 1] = sample .. ",A" end
  write("by_sample.csv", table.concat(lines, "\n"))
  write("TiO2.cif", "data_TiO2\n_cell_length_a 4.5937\n_cell_length_b 4.5937\n_cell_length_c 2.9587\n"
    .. "_space_group_name_H-M_alt 'P 42/m n m'\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n"
    .. "_atom_site_fract_z\nTi 0 0 0\nO 0.3053 0.3053 0\n")
end

-- The variables of the examples, and a quiet mb.fit of few epochs.
local function example_environment()
  local set = mb.data.single_peak { n = 10, validation = 10, test = 10 }
  local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
  local function quiet_fit(a_model, a_set, options)
    options = check.copy(options or {})
    options.verbose, options.epochs = false, 2
    return mb.fit(a_model, a_set, options)
  end
  local history = quiet_fit(model, set.train, { validation = set.validation })
  local evaluation = mb.evaluate(model, set.test)
  return setmetatable({
    mb = setmetatable({ fit = quiet_fit }, { __index = mb }), nn = mb.nn, print = function() end,
    set = set, x = set.train.x, y = set.train.y, x_test = set.test.x, y_test = set.test.y, fold = { train = { 1, 2 } },
    a = mb.ones(4, 3, 2), b = mb.ones(4, 3, 2), f = mb.plot.lines { 1, 2 }, g = mb.plot.lines { 1, 2 },
    model = model, rng = mb.rng(1), history = history, evaluation = evaluation, result = evaluation,
    spectra = example_spectra(), branch = mb.nn.ReLU {}, body = mb.nn.ReLU {}, shortcut = mb.nn.ReLU {},
  }, { __index = _G })
end

-- A value for a <close> variable, until whose end files without a path land in a folder that then goes.
local function in_folder_of_its_own()
  local here, folder, path, cpath = lfs.currentdir(), temporary_folder(), package.path, package.cpath
  local function absolute(list)
    return (list:gsub("[^;]+", function(place) return place:sub(1, 1) == "/" and place or here .. "/" .. place end))
  end
  package.path, package.cpath = absolute(path), absolute(cpath)
  assert(lfs.chdir(folder))
  return setmetatable({}, { __close = function()
    lfs.chdir(here)
    os.execute("rm -r " .. folder)
    package.path, package.cpath = path, cpath
  end })
end

describe("the reference", function()
  it("has everything public, each with a text and a topic, and nothing else", function()
    local missing = {}
    for path in pairs(paths) do
      if not by_path[path] then missing[#missing + 1] = path end
    end
    assert.equal("", table.concat(missing, "\n"))
    failures(function(entry)
      if not paths[entry.path] then return "does not exist" end
      if entry.text == "" then return "no text" end
      if not entry.is_sorted then return "no topic, see help/topics.lua" end
    end)
    assert.is_true(#entries > 300)
  end)
  it("says what each argument is, with a type", function()
    local known = { tensor = true, number = true, integer = true, string = true, boolean = true, table = true,
      any = true, ["function"] = true }
    for kind in pairs(methods_of) do known[kind] = true end
    local function bad_types(list)
      for _, item in ipairs(list or {}) do
        for kind in item.type:gmatch "[^|]+" do
          if not known[kind] then return ("no type %s"):format(kind) end
        end
      end
    end
    failures(function(entry)
      for _, parameter in ipairs(entry.parameters) do
        if parameter.unsaid then return "nothing is said of argument " .. parameter.name end
      end
      return bad_types(entry.parameters) or bad_types(entry.returns) or bad_types(entry.fields)
    end)
  end)
  it("says of no argument that a function does not take", function()
    failures(function(entry)
      local taken = {}
      for _, parameter in ipairs(entry.parameters) do taken[parameter.name] = true end
      for _, said in ipairs(entry.said_parameters) do
        if not taken[said.name] then return "no argument " .. said.name end
      end
    end)
  end)
  it("says what each option does, and of no other", function()
    local count = 0
    failures(function(entry)
      local accepted = {}
      for _, option in ipairs(entry.options) do
        accepted[option.name], count = true, count + 1
        if not option.text or option.text == "" then return "nothing is said of option " .. option.name end
      end
      for name in pairs(entry.kind == "module" and {} or entry.said_options) do
        if not accepted[name] then return "no option " .. name end
      end
    end)
    assert.is_true(count > 400)
  end)
  it("says the kind and default of each option once, and nothing twice in a row", function()
    local is_kind = { string = true, integer = true, boolean = true, table = true }
    local shown = require "moonbow.help.text"
    failures(function(entry)
      for _, option in ipairs(entry.options) do
        if is_kind[option.text:match "^%a+"] then return option.name .. ": " .. option.text end
        if shown.of_option(option):find ", a table$" then return option.name .. " has the default 'a table'" end
      end
      local last
      for word in entry.text:gmatch "%S+" do
        if word == last and word:find "%a%.$" then return "says twice " .. word end
        last = word
      end
    end)
    assert.matches("table, {full = 5, quick = 1}", printed "experiment.start", 1, true)
  end)
  it("refers to what exists", function()
    failures(function(entry)
      for _, path in ipairs(entry.see) do
        if not by_path[path] then return "see " .. path end
      end
      for path in entry.text:gmatch "%f[%w]mb%.([%a_][%w_.]*[%w_])" do
        if not by_path[path] and not path:find "^limits%." then return "mb." .. path end
      end
    end)
  end)
  it("has examples that run", function()
    local environment = example_environment()
    local back <close> = in_folder_of_its_own() -- luacheck: ignore 211
    write_example_files()
    local count = 0
    failures(function(entry)
      if not entry.usage or entry.module == "run" then return end -- run: by the command line
      local f, err = load("return " .. entry.usage, "=example", "t", environment)
      if not f then f, err = load(entry.usage, "=example", "t", environment) end
      local ok, message = pcall(f or function() error(err, 0) end)
      count = count + 1
      return not ok and tostring(message) or nil
    end)
    assert.is_true(count > 40)
  end)
  it("is printed by mb.help for each function, method and layer, by value and by path", function()
    for path, f in pairs(paths) do
      local entry = by_path[path]
      local is_table = entry.kind == "value" or entry.kind == "module"
      assert.equal(1, printed(path):find(is_table and "mb." .. path or entry.signature or path, 1, true), path)
      if type(f) == "function" then assert.equal(1, printed(f):find("^[^\n]*" .. entry.name .. "%f[^%w_]"), path) end
    end
  end)
  it("is the same for the functions that say which options they take", function()
    for path, f in pairs(public.functions) do
      local taken = check.taken(counted.original(f))
      for name in pairs(taken and check.described(taken.known) or {}) do
        assert.truthy(printed(path):find("\n    " .. name .. " ", 1, true), path .. ": " .. name)
      end
    end
  end)
end)

describe("the annotations for editors", function()
  it("are Lua, and define each function with its arguments", function()
    local chunk = assert(load(annotations))
    local made = chunk()
    for path in pairs(public.functions) do
      local value = made
      for part in path:gmatch "[^.]+" do value = value[part] end
      assert.equal("function", type(value), path)
    end
    for kind, methods in pairs(methods_of) do
      for name in pairs(methods) do
        if by_path[kind .. ":" .. name] then
          assert.truthy(annotations:find(("\nfunction %s:%s("):format(kind, name), 1, true), kind .. ":" .. name)
        end
      end
    end
  end)
  it("have a field for each option, in the class that the argument has", function()
    for _, entry in ipairs(entries) do
      local class = "moonbow." .. entry.path:gsub(":", ".") .. ".options"
      if #entry.options > 0 and entry.signature then
        local begin = annotations:find("\n---@class " .. class .. "\n", 1, true)
        local fields = assert(begin, class) and annotations:sub(begin, (annotations:find("\n\n", begin, true)))
        for _, option in ipairs(entry.options) do
          local name, mark = option.name, option.required and " " or "? "
          if not name:find ".%." then assert.truthy(fields:find("\n---@field " .. name .. mark, 1, true), class) end
        end
        assert.truthy(annotations:find("%-%-%-@param %w+%?? [%w_|.]*" .. class:gsub("%p", "%%%0")), class)
      end
    end
  end)
  it("use only types that they define, and forms that LuaCATS knows", function()
    local builtin = {}
    for name in ("any boolean function integer nil number string table"):gmatch "%a+" do builtin[name] = true end
    local defined, forms = {}, { meta = true, class = true, field = true, param = true, ["return"] = true, type = true,
      operator = true, alias = true }
    for name in annotations:gmatch "\n%-%-%-@%a+ (moonbow[%w_.]*)" do
      defined[name] = true
    end
    for form, rest in annotations:gmatch "%-%-%-@(%a+)([^\n]*)" do
      assert.truthy(forms[form], form)
      local kinds = form == "param" and rest:match "^ [%w_.]+%?? (%S+)" or form == "return" and rest:match "^ (%S+)"
        or form == "field" and rest:match "^ [%w_]+%?? (%S+)" or ""
      assert.truthy(kinds, form .. rest)
      for kind in kinds:gsub('"[^"]*"', ""):gmatch "[%a_][%w_.]*" do
        assert.truthy(defined[kind] or builtin[kind], kind .. " in" .. rest)
      end
    end
  end)
  it("take lists where a function does, and say which results may be nil", function()
    for line in ([[
param options? moonbow.nn.Sequential.options|moonbow.layer[]
param options? moonbow.nn.Concat.options|moonbow.layer[]
field series? moonbow.plot.lines.options.series[] a list of tables
class moonbow.history
return moonbow.tensor|nil # the array; or nil and a message
return any # the model; or nil and a message
]]):gmatch "[^\n]+" do
      assert.truthy(annotations:find("\n---@" .. line, 1, true), line)
    end
    assert.matches("\n%-%-%-@class moonbow.history\n%-%-%-@field [^\n]+\n%-%-%-@field [^\n]+\n%-%-%-@field [^\n]+\n"
      .. "%-%-%-@field %[integer%] table\n", annotations)
    assert.matches("\n%-%-%-@param options moonbow.plot.lines.options|[^\n]*any%[%]", annotations)
  end)
  it("follow the arguments of each function in order", function()
    for block, names in annotations:gmatch "\n\n(%-%-%-.-)\nfunction [%w_.:]+%(([^\n]*)%) end" do
      local said = {}
      block = block:match ".*\n\n(.*)$" or block
      for name in ("\n" .. block):gmatch "\n%-%-%-@param ([%w_.]+)" do said[#said + 1] = name end
      assert.equal(names, table.concat(said, ", "))
    end
  end)
end)

describe("the page", function()
  local body = page:gsub("<script>.*</script>", "")

  it("has a section and a link in the index for each entry", function()
    local sections, links = {}, {}
    for id in body:gmatch '<section id="([^"]+)"' do sections[id] = (sections[id] or 0) + 1 end
    for id in body:gmatch '<li><a class="name" href="#([^"]+)">' do links[id] = (links[id] or 0) + 1 end
    for _, entry in ipairs(entries) do
      local id = entry.path:gsub('[ "]+', "-"):gsub("%-$", "")
      assert.same({ 1, 1 }, { sections[id], links[id] }, entry.path)
    end
  end)
  it("says the kind and default of each option", function()
    for _, entry in ipairs(entries) do
      local begin = page:find(('data-name="%s"'):format(entry.path:gsub('"', "&quot;")), 1, true)
      local section = page:sub(begin, (page:find("</section>", begin, true)))
      for _, option in ipairs(entry.options) do
        assert.truthy(section:find(('<span class="name">%s</span>'):format(option.name), 1, true), entry.path)
      end
    end
  end)
  it("needs nothing but itself, and its links lead somewhere", function()
    assert.is_nil(body:find "<link")
    assert.is_nil(body:find "src=")
    assert.is_nil(body:find 'href="[^#]')
    local ids = {}
    for id in body:gmatch ' id="([^"]+)"' do
      assert.is_nil(ids[id], id)
      ids[id] = true
    end
    for id in body:gmatch 'href="#([^"]+)"' do assert.is_true(ids[id], id) end
  end)
  it("closes what it opens", function()
    for tag in ("section div nav main ul li dl dt dd details pre p h2 h3 h4 span script style"):gmatch "%S+" do
      local _, opened = body:gsub("<" .. tag .. "%f[%s>]", "")
      local _, closed = body:gsub("</" .. tag .. ">", "")
      assert.equal(opened, closed, tag)
    end
  end)
end)
