-- Files that earlier versions wrote stay readable, and models predict the same. spec/support/write_kept.lua wrote them.
local lfs = require "lfs"
local json = require "cjson"
local mb = require "moonbow"
local nn = mb.nn
local output = require "moonbow.experiment.output"
local page = require "lib.page"
local check_schema = require "support.schema"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function close_to(expected, got)
  local close, difference = got:allclose(expected, { absolute = 1e-4 })
  assert.is_true(close, "differs by " .. tostring(difference))
end

local function describe_version(version)
  local folder = "spec/kept/" .. version
  local x = assert(mb.load_npy(folder .. "/x.npy"))
  local expected = assert(mb.load_npz(folder .. "/expected.npz"))

  it("arrays", function()
    local set, types = mb.load_npz(folder .. "/set.npz")
    close_to(expected.y, set.y)
    close_to(expected.half, set.half)
    assert.is_table(types)
  end)
  it("a network with preprocessing, axis and classes", function()
    local model, info = assert(mb.load(folder .. "/network.safetensors"))
    assert.same({ "a", "b" }, info.classes)
    assert.equal("é", info.note)
    assert.equal(40, info.axis:count())
    local processed = mb.preprocess.apply(info.preprocessing, x)
    close_to(expected.processed, processed)
    close_to(expected.network, model(processed))
    assert.equal(version, select(2, mb.safetensors.read(folder .. "/network.safetensors"))["moonbow.version"])
  end)
  for _, name in ipairs { "forest", "linear", "neighbours" } do
    it("a model: " .. name, function()
      local model, info = assert(mb.load(("%s/%s.safetensors"):format(folder, name)))
      assert.same({ 1, 2 }, info.classes)
      close_to(expected[name], model:predict_proba(x))
    end)
  end
  it("a checkpoint, from which a training resumes", function()
    local run = os.tmpname()
    os.remove(run)
    finally(function() os.execute("rm -r " .. run) end)
    assert(os.execute(("cp -r %s/checkpoint %s"):format(folder, run)))
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.Flatten {},
      nn.Dropout { rate = 0.2 }, nn.Dense { units = 2 } }
    local set = { x = x, y = expected.y }
    local history = mb.fit(model, set, { epochs = 4, batch_size = 4, seed = 3, checkpoint = run, validation = set,
      schedule = { "plateau", patience = 1 }, verbose = false })
    assert.equal(4, #history)
    close_to(expected.trained, model(x))
  end)
  it("results of an experiment", function()
    local path = folder .. "/results.json"
    assert.is_nil((check_schema(json.decode(read(path)), json.decode(read "docs/results.schema.json"))))
    local results = assert(output.read_json(path))
    assert.equal(version, results.moonbow)
    assert.is_true(page.is_result(results))
    assert.matches("Files of this version stay readable", page.render({ results }, {}, function() end))
  end)
end

for version in lfs.dir "spec/kept" do
  if version:find "%d" then
    describe("written by " .. version, function() describe_version(version) end)
  end
end
