-- A Python beside moonbow: MOONBOW_PYTHON, or python3. Tests that need modules it has not are pending.
local temporary_folder = require "support.temporary_folder"

local python = { command = os.getenv "MOONBOW_PYTHON" or "python3" }

local asked = {}

--- True if it has modules, given as "torch, safetensors".
function python.has(modules)
  if asked[modules] == nil then
    asked[modules] = os.execute(("%s -c 'import %s' 2>/dev/null"):format(python.command, modules)) == true
  end
  return asked[modules]
end

--- What a test is pending for that needs modules.
function python.missing(modules)
  return ("%s has no %s (set MOONBOW_PYTHON to one that has)"):format(python.command, modules)
end

--- Makes a folder, calls f(folder), which returns arguments for Python, and runs it; Python has to succeed. Then
-- calls after(folder), if given. Returns what was printed.
function python.run(f, after)
  local folder = temporary_folder()
  local arguments = f(folder)
  local pipe = assert(io.popen(("TF_CPP_MIN_LOG_LEVEL=3 %s %s 2>&1"):format(python.command, arguments)))
  local text = pipe:read "a"
  local ok = pipe:close()
  if not ok then error(text, 0) end
  if after then after(folder) end
  os.execute("rm -r " .. folder)
  return text
end

--- Writes block number i of Python on a page of the documentation as a file.
function python.write_block(page, i, path)
  local blocks = {}
  for block in assert(io.open(page)):read("a"):gmatch "```python\n(.-)```" do blocks[#blocks + 1] = block end
  local file = assert(io.open(path, "w"))
  file:write(assert(blocks[i]))
  file:close()
end

return python
