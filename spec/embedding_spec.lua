-- Predictions from C, by the program of docs/embedding.md, and from a shell.
local lfs = require "lfs"
local json = require "cjson"
local mb = require "moonbow"
local core = require "moonbow.core"
local interpreter = require "support.interpreter"

local root = assert(lfs.currentdir())
local program = package.cpath:match "([^;]*)/lib/%?%.so" .. "/predict_from_c"
local folder = os.tmpname()
os.remove(folder)

local L, axis = 30, {}
for t = 1, L do axis[t] = 400 + 10 * t end
local spectra, y = mb.rng(1):normal(0, 0.1, 24, L, 1), {}
for n = 1, 24 do y[n] = n % 3 + 1 end
-- A step in another third of the spectrum for each class.
spectra = spectra + (mb.one_hot(y, 3):reshape(24, 3, 1) * mb.ones(24, 3, 10)):reshape(24, L, 1)

local model, steps, prepared
setup(function()
  assert(lfs.mkdir(folder))
  steps, prepared = mb.preprocess.fit({ "snv" }, spectra)
  model = mb.models.cnn { classes = 3, length = L, filters = 4, kernel = 3 }
  mb.fit(model, { x = prepared, y = y }, { epochs = 5, seed = 1, verbose = false })
end)
teardown(function() os.execute("rm -r " .. folder) end)

local function absolute(list)
  return (list:gsub("[^;]+", function(place) return place:sub(1, 1) == "/" and place or root .. "/" .. place end))
end

-- Runs a command with moonbow's paths. Returns true if it succeeds, and what it printed.
local function run(command)
  local pipe = assert(io.popen(("cd %s && LUA_PATH='%s' LUA_CPATH='%s' %s"):format(folder, absolute(package.path),
    absolute(package.cpath), command)))
  local text = pipe:read "a"
  return pipe:close() or false, text
end

describe("a program in C", function()
  it("predicts in one thread and in several what mb.predict does", function()
    if not lfs.attributes(program) then return pending "predict_from_c is not built" end
    assert(mb.save(model, folder .. "/model.safetensors", { classes = { "a", "b", "c" } }))
    local file = assert(io.open(folder .. "/spectra.bin", "wb"))
    file:write(core.tobytes(prepared))
    file:close()
    local expected = {}
    for n, class in ipairs(mb.predict(model, prepared)) do expected[n] = ("%d\n"):format(class) end
    for _, threads in ipairs { 1, 4 } do
      local ok, text = run(("%s model.safetensors spectra.bin %d %d"):format(absolute(program), L, threads))
      assert.is_true(ok)
      assert.equal(table.concat(expected), text)
    end
    local ok, text = run(("%s nowhere.safetensors spectra.bin %d 2 2>&1"):format(absolute(program), L))
    assert.is_false(ok)
    assert.matches("nowhere.safetensors: No such file", text, 1, true)
  end)
  it("is the one on the page", function()
    local page = assert(io.open("docs/embedding.md")):read("a"):match "```c\n(.-)```"
    local source = assert(io.open("csrc/test/predict_from_c.c")):read "a"
    for part in (page .. "\n"):gmatch "(.-)\n\n" do
      assert.is_truthy(source:find(part, 1, true), part)
    end
  end)
end)

describe("moonbow predict", function()
  -- Runs it with the interpreter of this test.
  local function predict(arguments)
    return run(("MOONBOW_LUA=%s %s/bin/moonbow predict %s"):format(interpreter:match "%S+$", root, arguments))
  end

  local classes, probabilities
  setup(function()
    assert(mb.save(model, folder .. "/model.safetensors", { classes = { "a", "b", "c" }, axis = axis, unit = "cm-1",
      preprocessing = steps }))
    local set = mb.spectra.set { x = spectra[{ { 1, 4 } }]:reshape(4, L), axis = axis, unit = "cm-1" }
    assert(mb.spectra.write(set, folder .. "/four.csv"))
    classes, probabilities = mb.predict(model, prepared[{ { 1, 4 } }])
  end)

  it("prints CSV", function()
    local ok, text = predict "model.safetensors four.csv"
    assert.is_true(ok, text)
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("name,class,a,b,c", lines[1])
    assert.equal(5, #lines)
    for n = 1, 4 do
      local class, a = lines[n + 1]:match "^[^,]+,(%a),([^,]+)"
      assert.equal(("abc"):sub(classes[n] // 1 | 0, classes[n] // 1 | 0), class)
      assert.is_near(probabilities:get(n, 1), tonumber(a), 1e-5)
    end
  end)
  it("prints JSON", function()
    local ok, text = predict "--json model.safetensors four.csv four.csv"
    assert.is_true(ok, text)
    local list = json.decode(text)
    assert.equal(8, #list)
    assert.equal(("abc"):sub(classes[2] // 1 | 0, classes[2] // 1 | 0), list[2].class)
    assert.is_near(probabilities:get(2, 3), list[2].probabilities.c, 1e-5)
  end)
  it("predicts the files of a folder, whose axes differ, as the same files by themselves", function()
    local set = mb.spectra.read(folder .. "/four.csv")
    assert(lfs.mkdir(folder .. "/scans"))
    assert(mb.spectra.write(set[1]:flip(), folder .. "/scans/1.csv"))
    assert(mb.spectra.write(set[2]:resample { first = 410, last = 700, points = 101 }, folder .. "/scans/2.csv"))
    local ok, text = predict "model.safetensors scans"
    assert.is_true(ok, text)
    local _, single = predict "model.safetensors scans/1.csv scans/2.csv"
    assert.equal(single, text)
    assert.equal(3, select(2, text:gsub("\n", "\n")))
    assert(mb.spectra.write(set:with { unit = "nm" }, folder .. "/scans/3.csv"))
    ok, text = predict "model.safetensors scans 2>&1"
    assert.is_false(ok)
    assert.equal("moonbow predict: predict: scans/3.csv: the model was trained on an axis in cm-1, the spectra have "
      .. "nm\n", text)
    assert(os.remove(folder .. "/scans/3.csv"))
    assert(io.open(folder .. "/scans/4.txt", "w")):close()
    ok, text = predict "model.safetensors scans 2>&1"
    assert.is_false(ok)
    assert.equal("moonbow predict: scans/4.txt: the file is empty\n", text)
  end)
  it("prints no JSON of classes of one name, of which an older version may have written a file", function()
    local file = assert(io.open(folder .. "/model.safetensors", "rb"))
    local bytes = file:read "a"
    file:close()
    local changed, count = bytes:gsub('\\"a\\",\\"b\\",\\"c\\"', '\\"a\\",\\"c\\",\\"c\\"')
    assert.equal(1, count)
    changed = changed:gsub('"moonbow.digest":', '"moonbow_digest":')
    file = assert(io.open(folder .. "/twice.safetensors", "wb"))
    file:write(changed)
    file:close()
    local ok, text = predict "--json twice.safetensors four.csv 2>&1"
    assert.is_false(ok)
    assert.matches("moonbow predict: --json: classes: expected names that differ, got 'c' at 2 and 3", text, 1, true)
    ok, text = predict "twice.safetensors four.csv"
    assert.is_true(ok, text)
    assert.matches("^name,class,a,c,c\n", text)
    for name, call in pairs { save = mb.save, export_onnx = mb.export_onnx } do
      assert.error_matches(function() call(model, folder .. "/twice", { classes = { "a", "c", "c" } }) end,
        name .. ": classes: expected names that differ, got 'c' at 2 and 3", nil, true)
    end
  end)
  it("prints all labels that hold, of which several may", function()
    local marks = mb.stack({ spectra:slice(2, 3, 1):reshape(-1):gt(0), spectra:slice(2, 6, 1):reshape(-1):gt(0) }, 2)
    local both = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    mb.fit(both, { x = spectra, y = marks }, { loss = "binary_cross_entropy", epochs = 3, verbose = false })
    assert(mb.save(both, folder .. "/both.safetensors", { classes = { "a", "b" }, axis = axis, unit = "cm-1" }))
    local found = mb.predict(both, spectra[{ { 1, 4 } }])
    local ok, text = predict "--json both.safetensors four.csv"
    assert.is_true(ok, text)
    local list = json.decode(text)
    for n = 1, 4 do
      local expected = {}
      for k, name in ipairs { "a", "b" } do expected[#expected + 1] = found:get(n, k) == 1 and name or nil end
      assert.equal(table.concat(expected, "; "), list[n].class)
      assert.is_number(list[n].probabilities.b)
    end
    ok, text = predict "both.safetensors four.csv"
    assert.is_true(ok, text)
    assert.matches("^name,class,a,b\n", text)
  end)
  it("calls what is no probability a score", function()
    local plsda = mb.plsda.fit(spectra:reshape(24, L), y, { components = 2 })
    assert(mb.save(plsda, folder .. "/plsda.safetensors", { axis = axis, unit = "cm-1" }))
    local ok, text = predict "--json plsda.safetensors four.csv"
    assert.is_true(ok, text)
    local list = json.decode(text)
    assert.is_nil(list[1].probabilities)
    assert.is_number(list[1].scores["1"])
  end)
  it("prints the numbers of a model of numbers", function()
    local ridge = mb.ridge.fit(spectra:reshape(24, L), y)
    assert(mb.save(ridge, folder .. "/ridge.safetensors", { axis = axis, unit = "cm-1" }))
    local ok, text = predict "ridge.safetensors four.csv"
    assert.is_true(ok, text)
    local value = tonumber(text:match "\n[^\n,]+,([^\n]+)\n")
    assert.is_near(ridge:predict(spectra[{ { 1, 1 } }]:reshape(1, L)):reshape(-1):get(1), value, 1e-4)
  end)
  it("ends with code 1 and a message for what it cannot do", function()
    local infinite = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2, initializer = 3e38 } }
    infinite:build { L, 1 }
    assert(mb.save(infinite, folder .. "/infinite.safetensors", { axis = axis, unit = "cm-1" }))
    for command, message in pairs {
      ["nowhere.safetensors four.csv"] = "moonbow predict: nowhere.safetensors",
      ["model.safetensors nowhere.csv"] = "moonbow predict: nowhere.csv",
      ["model.safetensors"] = "usage: moonbow predict",
      ["infinite.safetensors four.csv"] = "moonbow predict: predict: the model's outputs are NaN or infinite",
      ["--xml model.safetensors four.csv"] = "moonbow predict: unknown option --xml",
      ["-x model.safetensors four.csv"] = "moonbow predict: unknown option -x",
    } do
      local ok, text = predict(command .. " 2>&1")
      assert.is_false(ok)
      assert.matches(message, text, 1, true)
      assert.is_nil(text:find ".lua:%d")
    end
  end)
  it("says how it is used, and takes names that begin with a dash behind --", function()
    for _, option in ipairs { "--help", "-h" } do
      local ok, text = predict(option)
      assert.is_true(ok)
      assert.matches("^usage: moonbow predict", text)
    end
    assert(lfs.link(folder .. "/four.csv", folder .. "/-four.csv"))
    local _, expected = predict "--json model.safetensors four.csv"
    local ok, text = predict "--json -- model.safetensors -four.csv"
    assert.is_true(ok, text)
    assert.equal(expected, text)
  end)
  it("says if its output cannot be written, and runs without standard input and error", function()
    local ok, text = predict "model.safetensors four.csv 2>&1 >/dev/full"
    assert.is_false(ok)
    assert.matches("moonbow predict: the output cannot be written: No space left", text, 1, true)
    local _, expected = predict "model.safetensors four.csv"
    for _, closed in ipairs { "<&-", "2>&-" } do
      ok, text = predict("model.safetensors four.csv " .. closed)
      assert.is_truthy(ok)
      assert.equal(expected, text)
    end
  end)
end)
