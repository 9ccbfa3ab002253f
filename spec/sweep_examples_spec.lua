-- The sweep files of experiments/sweeps run with --quick: every trial ends with its metrics.
local lfs = require "lfs"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local names = {}
for name in lfs.dir "experiments/sweeps" do names[#names + 1] = name:match "^(.*)%.lua$" end
table.sort(names)

for _, name in ipairs(names) do
  it(name .. " runs with --quick", function()
    local folder = temporary_folder()
    local pipe = assert(io.popen(("%s experiments/sweep.lua run experiments/sweeps/%s.lua --quick --out %s 2>&1")
      :format(interpreter, name, folder)))
    local text = pipe:read "a"
    local ok = pipe:close()
    os.execute("rm -r " .. folder)
    assert.is_true(ok, text)
    assert.matches(("\n%s_quick: %%d+ done\n"):format(name), "\n" .. text)
  end)
end
