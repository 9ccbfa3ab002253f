-- Every example in the documentation runs and prints what the page shows.
local lfs = require "lfs"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local root = assert(lfs.currentdir())

local function absolute(path)
  return (path:gsub("([^;]+)", function(entry) return entry:find "^/" and entry or root .. "/" .. entry end))
end

local pages = { "README.md" }
for _, folder in ipairs { "docs", "docs/guide", "docs/measurements" } do
  for name in lfs.dir(folder) do
    if name:find "%.md$" then pages[#pages + 1] = folder .. "/" .. name end
  end
end
table.sort(pages)

-- Runs a script in an empty folder. Returns true, or false, and what it printed.
local function run(script)
  local folder = temporary_folder()
  local pipe = assert(io.popen(("cd %s && LUA_PATH='%s' LUA_CPATH='%s' %s %s/%s 2>&1"):format(folder,
    absolute(package.path), absolute(package.cpath), interpreter:match "%S+$", root, script)))
  local text = pipe:read "a"
  local ok = pipe:close()
  os.execute("rm -r " .. folder)
  return ok or false, text
end

describe("the examples of", function()
  for _, page in ipairs(pages) do
    it(page, function()
      local ok, text = run(("spec/support/examples.lua %s/%s"):format(root, page))
      assert.is_true(ok, text)
    end)
  end
end)

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

describe("the guide", function()
  it("names every layer", function()
    local page = read "docs/guide/2_networks.md"
    for name in pairs(require("moonbow").nn) do
      if name:find "^%u" then assert.truthy(page:find("`" .. name .. "`", 1, true), name) end
    end
  end)
  it("names the experiments that review.lua does not run", function()
    local guide, review = read "docs/guide/5_experiments.md", read "experiments/review.lua"
    for file in lfs.dir "experiments" do
      local name = file:match "^(.*)%.lua$"
      local is_experiment = name and read("experiments/" .. file):find "experiment%.start"
      if is_experiment and not review:find('"' .. name .. '"', 1, true) then
        assert.truthy(guide:find("`" .. name .. "`", 1, true), name)
      end
    end
  end)
end)

describe("the commands of README and guide", function()
  it("print and draw a file", function()
    local folder = temporary_folder()
    local file = assert(io.open(folder .. "/minerals.csv", "w"))
    file:write "mineral,400,402,404\ncalcite,1,2,3\nquartz,4,5,6\n"
    file:close()
    for _, page in ipairs { "README.md", "docs/guide/4_own_data.md" } do
      local count = 0
      for command in io.open(page):read("a"):gmatch "\n    lua (%-e '[^\n]*)" do
        local pipe = assert(io.popen(("cd %s && LUA_PATH='%s' LUA_CPATH='%s' %s %s 2>&1"):format(folder,
          absolute(package.path), absolute(package.cpath), interpreter:match "%S+$", command)))
        local text = pipe:read "a"
        assert.is_true(pipe:close() or false, text)
        count = count + (text:find "^2 spectra of 3 points" and 1 or text == "minerals.svg\n" and 2 or 0)
      end
      assert.equal(3, count, page) -- each once
    end
    assert.equal("file", lfs.attributes(folder .. "/minerals.svg", "mode"))
    os.execute("rm -r " .. folder)
  end)
end)

describe("quickstart.lua", function()
  it("trains, saves and plots a network", function()
    local ok, text = run "quickstart.lua"
    assert.is_true(ok, text)
    assert.is_true(tonumber(text:match "\naccuracy ([%d.]+)") > 0.95, text)
    assert.matches("wrote quickstart.safetensors and quickstart.svg\n$", text)
  end)
end)
