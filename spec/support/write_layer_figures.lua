--- Writes the figures of PyTorch for random cases of layers, which spec/layer_figures_spec.lua states; about a minute:
--
--     build/lua spec/support/write_layer_figures.lua [PYTHON] > spec/support/layer_figures.txt
package.path = "spec/?.lua;" .. package.path
local json = require "cjson"
local mb = require "moonbow"
local cases = require "support.layer_cases"

local function with_parameters(case)
  local list = json.decode "[]"
  for i, parameter in ipairs(cases.make(mb, case):parameters()) do
    list[i] = { parameter.name, parameter.value:shape() }
  end
  case.parameters = list
  return case
end

local path, list = os.tmpname(), {}
cases.each(mb, function(case) list[#list + 1] = with_parameters(case) end)
local file = assert(io.open(path, "w"))
file:write((json.encode(list):gsub('"parameters":{}', '"parameters":[]')))
file:close()
local ok = os.execute(("%s spec/support/layer_figures.py %s"):format(arg[1] or "python3", path))
os.remove(path)
os.exit(ok)
