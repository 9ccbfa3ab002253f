-- Runs Lua in a process of its own that gets SIGINT, and returns how it ended.
local uv = require "luv"
local interpreter = require "support.interpreter"

local MOST_MILLISECONDS = 300000 -- a training under a sanitizer on a busy machine took more than a minute

local function collect(pipe, chunks, on_chunk)
  pipe:read_start(function(_, bytes)
    chunks[#chunks + 1], chunks.is_over = bytes, not bytes
    on_chunk()
  end)
end

--- Starts the interpreter with arguments, and sends SIGINT for each "now" (or options.at) on its standard error.
-- @param options input (text for standard input, which is closed after the first one)
-- @return { code, signal, output, errors }
return function(arguments, options)
  options = options or {}
  local stdin, stdout, stderr, timer = uv.new_pipe(), uv.new_pipe(), uv.new_pipe(), uv.new_timer()
  local out, err, result, sent = {}, {}, {}, 0
  local process
  process = assert(uv.spawn("sh", {
    args = { "-c", ("exec env %s \"$@\""):format(interpreter), "sh", table.unpack(arguments) },
    stdio = { stdin, stdout, stderr },
  }, function(code, signal) result.code, result.signal = code, signal end))
  uv.update_time() -- the clock of the loop stood still since it ran last, so that the time would be over at once
  timer:start(MOST_MILLISECONDS, 0, function() process:kill "sigkill" end)
  if options.input then stdin:write(options.input) end
  collect(stdout, out, function() end)
  collect(stderr, err, function()
    local _, asked = table.concat(err):gsub(options.at or "now", "")
    for _ = sent + 1, asked do process:kill "sigint" end
    sent = asked
    if sent > 0 and not stdin:is_closing() then stdin:shutdown() end
  end)
  while not (result.code and out.is_over and err.is_over) do uv.run "once" end
  for _, handle in ipairs { process, stdin, stdout, stderr, timer } do handle:close() end
  uv.run()
  result.output, result.errors = table.concat(out), table.concat(err)
  return result
end
