-- Runs an experiment with --quick in a folder of its own, and checks its results against the schema and its files:
-- run_experiment.lua INTERPRETER NAME
package.path = "spec/?.lua;" .. package.path
local json = require "cjson"
local check = require "support.schema"

local interpreter, name = arg[1], arg[2]
local out = os.tmpname()
os.remove(out)

local function read(path) return assert(io.open(path, "rb"), path):read "a" end

local function fail(message)
  io.stderr:write(name, ": ", message, "\n")
  os.exit(1)
end

local command = ("%s experiments/%s.lua --quick --out %s >%s.log 2>&1"):format(interpreter, name, out, out)
if not os.execute(command) then fail("failed\n" .. read(out .. ".log")) end
local results = json.decode(read(out .. "/results.json"))
local problem = check(results, json.decode(read "docs/results.schema.json"))
if problem then fail(problem) end
if results.name ~= name then fail("names itself " .. results.name) end
if not read(out .. ".log"):find("Verdict: " .. results.verdict, 1, true) then fail "prints another verdict" end
for _, figure in ipairs(results.figures) do
  if not read(("%s/%s.svg"):format(out, figure)):find("<svg", 1, true) then fail(figure .. ".svg is none") end
end
os.execute(("rm -r '%s'"):format(out))
os.remove(out .. ".log")
print(("%s: %s, %.0f s"):format(name, results.verdict, results.seconds))
