-- Frameworks as programs of their own: lists them, runs one, reads its output.
local json = require "cjson.safe"
local clock = require "moonbow.clock"
local files = require "moonbow.io.files"

local peers = {}

local here = arg[0]:match "^(.*/)" or "./"
local lua = arg[-1]
for i = -1, -100, -1 do
  if not arg[i] then break end
  lua = arg[i]
end

--- The Python that has the frameworks: MOONBOW_PEERS, or the one from bench/peers/setup.sh.
local python = os.getenv "MOONBOW_PEERS" or here .. "../build/peers/bin/python"

local all_sections = "training,inference,latency"

--- All peers, in the order of the tables: { name, program, mode, sections }.
peers.all = {
  { name = "moonbow", program = "moonbow.lua", mode = "moonbow", sections = all_sections },
  { name = "pytorch", program = "torch_peer.py", mode = "eager", sections = all_sections },
  { name = "pytorch-compiled", program = "torch_peer.py", mode = "compiled", sections = all_sections },
  { name = "tensorflow", program = "tensorflow_peer.py", mode = "graph", sections = all_sections },
  { name = "tensorflow-xla", program = "tensorflow_peer.py", mode = "xla", sections = all_sections },
  { name = "onnxruntime", program = "onnx_peer.py", mode = "onnx", sections = "inference,latency" },
}

local modules = { ["torch_peer.py"] = "torch", ["tensorflow_peer.py"] = "tensorflow",
  ["onnx_peer.py"] = "torch, onnx, onnxruntime" }

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function is_here(peer)
  local needed = modules[peer.program]
  return not needed or os.execute(("%s -c 'import %s' >/dev/null 2>&1"):format(quote(python), needed))
end

--- Returns the named peers that can be run here; names on the terminal those that cannot.
function peers.among(names)
  local found = {}
  for _, peer in ipairs(peers.all) do
    local is_wanted = false
    for _, name in ipairs(names) do is_wanted = is_wanted or name == peer.name end
    if is_wanted and is_here(peer) then
      found[#found + 1] = peer
    elseif is_wanted then
      io.stderr:write(peer.name, " is not in ", python, " (MOONBOW_PEERS, or bench/peers/setup.sh)\n")
    end
  end
  return found
end

local function last_line(path)
  local last
  for line in io.lines(path) do
    if line:find "%S" then last = line end
  end
  return last and last:sub(1, 200)
end

--- Runs sections (a list) of a job with a framework in a process of its own.
-- @return a list of the tables that it printed; and why it ended early, or nil
function peers.run(peer, job, sections, limit)
  local job_path, error_path = os.tmpname(), os.tmpname()
  assert(files.write(job_path, json.encode(job)))
  local is_python = modules[peer.program]
  local program = quote(is_python and python or lua) .. " " .. quote(here .. "peers/" .. peer.program)
  -- OpenBLAS's kernels chosen for moonbow are not for the peers.
  local command = ("env %s OMP_NUM_THREADS=%d TF_CPP_MIN_LOG_LEVEL=3 timeout -k 5 %d %s %s %s %s 2>%s")
    :format(is_python and "-u OPENBLAS_CORETYPE" or "", job.threads, limit, program, peer.mode, job_path,
      table.concat(sections, ","), error_path)
  local results, begin = {}, clock()
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    results[#results + 1] = line:find "^{" and json.decode(line) or nil
  end
  local ok, _, code = pipe:close()
  local seconds, reason = (clock() - begin), nil
  if code == 124 or code == 137 and seconds >= limit then
    reason = ("over %d s"):format(limit)
  elseif not ok then
    reason = last_line(error_path) or ("exit code " .. code)
  end
  os.remove(job_path)
  os.remove(error_path)
  return results, reason
end

return peers
