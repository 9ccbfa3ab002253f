-- Numbers in files have a decimal point whatever the locale of the process: one with a decimal comma, made for this.
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local folder = temporary_folder()
teardown(function() os.execute("rm -r " .. folder) end)

local made = os.execute(("localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1"):format(folder, folder))

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return folder .. "/" .. name
end

-- Returns what a script prints; arg[1] is the locale's name.
local function run(script, locale)
  local command = ("LOCPATH=%s %s %s %s 2>&1"):format(folder, interpreter, script, locale)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  assert(pipe:close(), text)
  return text
end

local function same_in_both(text)
  if not made then return pending "no localedef, or no source of de_DE (Debian: locales)" end
  local script = write("script.lua", 'assert(os.setlocale(arg[1]))\nlocal mb = require "moonbow"\n' .. text)
  local plain = run(script, "C")
  assert.is_true(#plain > 0)
  assert.equal(plain, run(script, "de_DE.UTF-8"))
end

describe("a locale with a decimal comma", function()
  it("is installed", function()
    if not made then return pending "no localedef, or no source of de_DE (Debian: locales)" end
    assert.equal("1,5\n", run(write("comma.lua", "os.setlocale(arg[1]) print(1.5)"), "de_DE.UTF-8"))
  end)
  it("does not change numbers read from text", function()
    local file = write("spectra.csv", "k;400.5;401.5\na;1.25;2e-1\n")
    local other = write("commas.csv", "k;400,5;401,5\na;1,25;2e-1\n")
    same_in_both(([[
      for _, path in ipairs { %q, %q } do
        local set = assert(mb.spectra.read(path))
        print(set.axis[1] == 400.5, set.axis[2] == 401.5, set.x:get(1, 1, 1) == 1.25, set.x:get(1, 2, 1) * 5 == 1)
      end]]):format(file, other))
  end)
  it("does not change models, saved or loaded", function()
    same_in_both(([[
      local x = mb.rng(1):normal(0, 1, 8, 5, 1)
      local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
      mb.fit(model, { x = x, y = mb.tensor { 1, 2, 1, 2, 1, 2, 1, 2 } }, { epochs = 2, seed = 1, verbose = false,
        optimizer = mb.optim.SGD { lr = 0.125 }, checkpoint = %q })
      local path = %q
      assert(mb.save(model, path, { axis = { 0.5, 1.25, 2, 3, 4.75 }, classes = { "a", "b" } }))
      local bytes = io.open(path, "rb"):read "a"
      print(#bytes, ("%%q"):format(bytes))
      local _, info = assert(mb.load(path))
      print(info.axis[1] == 0.5, info.axis[5] == 4.75)
    ]]):format(folder .. "/checkpoint", folder .. "/model.safetensors"))
  end)
  it("does not change how tensors are shown", function()
    same_in_both "print(mb.tensor { { 1.5, 2.25 }, { -3.125, 1e-6 } }, mb.tensor { 0.5 })"
  end)
  it("does not change plots", function()
    same_in_both [[
      local x, y = { 1.5, 2.25, 3.125 }, { 0.25, 0.75, 12.5 }
      print(mb.plot.lines { x = x, y = y, log_y = true, marks = { { x = 1.75, label = "a" } } }:script())
      print(mb.plot.lines { x = x, y = y, error = y, style = "both" }:script "pdf")
      print(mb.plot.histogram { values = y, bins = 3 }:script())
      print(mb.plot.bars { categories = { "a", "b", "c" }, values = y, error = x }:script())
      print(mb.plot.heatmap { z = { x, y }, cell_format = "%.2f" }:script())
      print(mb.plot.grid(mb.plot.scatter(x, y), mb.plot.lines(y)):script())
    ]]
  end)
end)
