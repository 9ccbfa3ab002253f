-- The targets of the fuzzer. Each has small files to begin with, made here or in spec/corpus/NAME, and a reader,
-- which returns a value, or nil and a message, and raises for no content of a file. One with make() has that make each
-- further file.
local mb = require "moonbow"
local json_file = require "moonbow.experiment.output".read_json
local page = require "lib.page"
local omnic = require "support.made_omnic"
local mat = require "support.made_mat"
local opus = require "support.made_opus"
local perkinelmer = require "support.made_perkinelmer"
local spc = require "support.made_spc"
local nn = mb.nn

local function bytes_of(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

-- Makes a safetensors file without its digest, so that mutations reach the code behind the check.
local function without_digest(bytes)
  local length = string.unpack("<I8", bytes)
  local header = bytes:sub(9, 8 + length):gsub(',"moonbow.digest":"%x+"', ""):gsub('"moonbow.digest":"%x+",?', "")
  return string.pack("<I8", #header) .. header .. bytes:sub(9 + length)
end

local x, y = mb.rng(1):normal(0, 1, 12, 6, 1), {}
for i = 1, 12 do y[i] = i % 2 + 1 end

local function network()
  local net = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, padding = "same" }, nn.BatchNorm1d {},
    nn.Residual { nn.ReLU {} }, nn.Concat { nn.MaxPool1d { size = 2 }, nn.AvgPool1d { size = 2 } }, nn.Flatten {},
    nn.Dense { units = 2 } }
  net:build({ 6, 1 }, mb.rng(1))
  return net
end

local function load_and_use(path)
  local model, info = mb.load(path)
  if not model then return nil, info end
  pcall(function() return model.predict and model:predict(mb.zeros(2, 6)) or model(mb.zeros(2, 6, 1)) end)
  if info.preprocessing then pcall(mb.preprocess.apply, info.preprocessing, x) end
  return model
end

local function import_and_use(import)
  return function(path)
    local model, message = import(path)
    if model then pcall(model, mb.zeros(2, 6, 1)) end
    return model, message
  end
end

local function train(folder)
  local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
  return mb.fit(model, { x = x, y = y }, { epochs = 1, verbose = false, checkpoint = folder, early_stopping = {} })
end

-- Training resumes from a checkpoint, or raises for an invalid one.
local function resume(folder)
  return function(path)
    local file = assert(io.open(folder .. "/checkpoint.safetensors", "wb"))
    file:write(bytes_of(path))
    file:close()
    local ok, history = pcall(train, folder)
    if ok then return history end
    if type(history) ~= "string" or not history:find("fit: ", 1, true) then error(history, 0) end
    return nil, history
  end
end

-- Rows of numbers behind a class.
local function classes()
  local lines = {}
  for r = 1, 6 do
    lines[r] = r % 2
    for i = 1, 20 do lines[r] = ("%s,%.1f"):format(lines[r], (r * i * 7) % 13 / 8) end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Tables of text in their variants.
local tables = {
  "Title: a\nkind,X400,X401,X402\na,1,2,3\nb,4,5,6\n", '"nm";"a";"b"\n400,5;1,5;2\n401,5;3;4,5\n402,5;1;2\n',
  "x;a;x;b\n400;1;400.5;2\n401;2;401.5;1\n402;3;402.5;4\n403;1;;\n", "# x y\n400 1 0.1\n401 2 0.1\n402 1 0.1\n",
  "kind\t400\t401\nd\tc\tc\nclass\t\t\na\t1\t2\n", "\255\254a\0,\0001\0,\0002\0\n\0b\0,\0003\0,\0004\0\n\0",
  (require "zlib".deflate(6, 31)("k,400,401,402\na,1,2,3\n", "finish")), classes(),
  'nm,C,T\nclass,C,T\n"1,100",1,2\n"1,102",2,"1,5"\n', "# xunits: um\nWavelength;T;R\num;%;%\n1.100;1;2\n1.102;2;3\n",
  "x;a;x;b\nclass;C;class;D\n1.100;900;1.100;2\n1.102;2;1.102;1\n1.104;3;1.104;4\n1.106;1;;\n",
  "Time (s),400,410\n0.5,1,2\n1,2,3\n2,3,4\n", "Pixel;nm;I\n5;400;1\n6;401;2\n7;402;1\n",
  '"";"X400.5";"X401"\n"1";1,5;2\n', "nm\tabs\n400\t1\n401\t2\n402\t3\n\n[Comments]\nx\ty\n",
  "[Scan points]\nAngle,TimePerStep,Intensity\n1,48,1\n2,48,2\n3,48,3\n", "400 1.0D-01\n401 1.5D+00\n402 2\n\26",
  'k,"40\n0",401\n"a\n""b""",1,2\n\n##### e\n[Comments]\nx: 1\n',
}

local texts = {
  "k,1,2\na,1,2\nb,3,4\n", "class 400,5 401,5\nA 0,25 0,5\n", "# 400 401\n1 2\n3 4\n", "400 1\n401 2\n402 3\n403 5\n",
  "sep=;\nk;400;401\na;1,5;2\n", 'a,"b ""c""",400,401\n"x","y,z",1e3,-2.5\n', "k,400,401,,\n#1,5,2,,\n,,,,\n#2,1,2,,\n",
  "\u{feff}#,label,400\r\n1,a,5\r\n2,b,6\r\n", "k\t400.25\t401\n\ta\t1.123\n",
  "nm,a,b\nnm,c,c\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n5,6,7\n6,7,8\n7,8,9\n8,9,1\n",
}
local label_tables = { "name,kind\na,1\nb,2\n", 'name;"k;1"\n"a";"1,5"\nb;2\n\n', "kind\tname\n1\ta\n2\tb\n",
  "sep=|\n# mine\nname|k\n#1|x\na|1.012\nb|13,5\n" }
local two = mb.spectra.set { x = mb.ones(2, 3), axis = { 1, 2, 3 }, names = { "a", "b" } }
local result = [[{"schema":1,"name":"x","claim":"c","verdict":"holds","rules":[{"text":"t","figure":"a","above":1,
"answer":"yes"}],"measured":[{"name":"a","values":[1.5,2],"published":3}],"seeds":1,"first_seed":1,"quick":true,
"seconds":3.5,"settings":{"n":3},"threads":1,"written":"now","figures":["a"],"ceiling":0.5}]]

local function read_result(path)
  local value, err = json_file(path)
  if value == nil then return nil, err end
  if not page.is_result(value) then return nil, "not a result" end
  page.render({ value }, "x", function() return "<svg id='a'></svg>" end)
  return value
end

-- Reads a crystal and computes its peaks, which may be too many.
local function read_crystal(path)
  local crystal, err = mb.xrd.read(path)
  if not crystal then return nil, err end
  tostring(crystal)
  local ok, peaks = pcall(mb.xrd.peaks, crystal, { radiation = "CuKa1", two_theta = { 10, 60 } })
  if not ok and not tostring(peaks):find("xrd.peaks: ", 1, true) then error(peaks, 0) end
  return crystal
end

--- The targets by name: { files = list of contents, read = function(path), json = true if they have a JSON header }.
return function(folder)
  local path = folder .. "/made"
  local function made(ok, err)
    assert(ok, err)
    return bytes_of(path)
  end
  local function model(of, info) return without_digest(made(mb.save(of, path, info))) end
  local flat = x:reshape(12, 6)
  local fitted = mb.preprocess.fit({ "snv", { "savitzky_golay", window = 5 }, "standardize" }, x)
  train(folder)
  local checkpoint = without_digest(bytes_of(folder .. "/checkpoint.safetensors"))
  local function keras(ending)
    local place = folder .. "/model." .. ending
    assert(mb.export_keras(network(), place))
    return bytes_of(place)
  end
  local targets = {
    csv = { files = texts, read = require "moonbow.io.read_csv" },
    text = { files = tables, read = mb.spectra.read },
    labels = { files = label_tables, read = function(table_path) return two:join(table_path, { by = "name" }) end },
    network = { json = true, read = load_and_use,
      files = { model(network(), { classes = { "a", "b" }, axis = { 1, 2, 3, 4, 5, 6 }, preprocessing = fitted }) } },
    forest = { json = true, read = load_and_use, files = { model(mb.forest.fit(flat, y, { trees = 2 })) } },
    linear = { json = true, read = load_and_use, files = { model(mb.linear.fit(flat, y, {})) } },
    neighbours = { json = true, read = load_and_use, files = { model(mb.neighbours.fit(flat, y, { k = 2 })) } },
    safetensors = { json = true, read = mb.safetensors.read,
      files = { without_digest(made(mb.safetensors.write(path, { a = x, b = mb.ones(3) }, { note = "x" }))) } },
    onnx = { read = import_and_use(mb.import_onnx), files = { made(mb.export_onnx(network(), path)),
      made(mb.export_onnx(network(), path, { fold_batch_norm = true })) } },
    onnx_graphs = { read = import_and_use(mb.import_onnx), files = {}, make = require "onnx_graphs" },
    keras = { read = import_and_use(mb.import_keras), files = { keras "keras", keras "h5" } },
    pytorch = { json = true, read = function(file) return mb.import_pytorch(file, network()) end,
      files = { without_digest(made(mb.export_pytorch(network(), path))) } },
    npy = { read = mb.load_npy,
      files = { made(mb.save_npy(x, path)), made(mb.save_npy(mb.ones(4), path, { type = "int16" })) } },
    npz = { read = mb.load_npz, files = { made(mb.save_npz({ a = x, b = mb.ones(2) }, path)),
      made(mb.save_npz({ a = x, b = mb.ones(2) }, path, { compress = true })) } },
    cif = { read = read_crystal, files = {} }, -- those in spec/corpus/cif
    checkpoint = { json = true, read = resume(folder), files = { checkpoint } },
    instruments = { read = mb.spectra.read, files = require "instrument_seeds" },
    jcamp = { read = mb.spectra.read, files = require "jcamp_seeds" },
    omnic = { read = mb.spectra.read, files = omnic.seeds() },
    perkinelmer = { read = mb.spectra.read, files = perkinelmer.seeds() },
    hdf5 = { read = mb.spectra.read, files = {} }, -- those in spec/corpus/hdf5
    mat = { read = mb.spectra.read, files = mat.seeds() },
    numpy = { read = mb.spectra.read, files = { made(mb.save_npy(flat, path)),
      made(mb.save_npz({ X = flat, wavelength = mb.arange(1, 6) }, path)),
      made(mb.save_npz({ X = flat, y = mb.ones(12) }, path, { compress = true })) } },
    opus = { read = mb.spectra.read, files = opus.seeds() },
    spc = { read = mb.spectra.read, files = spc.seeds() },
    results = { json = true, read = read_result, files = { result } },
  }
  for name, target in pairs(require "xml_targets"()) do targets[name] = target end
  return targets
end
