--- Programs of the system, started without a shell.
local uv = require "luv"

local program = {}

local function collect(pipe, on_end)
  local parts = {}
  pipe:read_start(function(_, text)
    if text then
      parts[#parts + 1] = text
    else
      pipe:close()
      on_end()
    end
  end)
  return parts
end

-- What a program wrote to standard error, in one line, without its own name before each message.
local function message(name, code, errors)
  local lines = {}
  for line in errors:gmatch "[^\r\n]+" do
    lines[#lines + 1] = line:gsub("^" .. name .. ": ", ""):gsub("^error: ", "")
  end
  local text = table.concat(lines, "; ")
  return ("%s: %s"):format(name, text ~= "" and text or ("it ended with code %d"):format(code))
end

local function not_started(name, err)
  if err:find "^ENOENT" then return name .. ": no such program is in PATH; Slurm's commands are needed here" end
  return ("%s: %s"):format(name, err)
end

-- Ends a program that runs for too long; returns a function that ends the watch and says if that has happened.
local function watch(handle, seconds)
  if not seconds then return function() return false end end
  local timer, is_late = uv.new_timer(), false
  timer:start(math.floor(1000 * seconds), 0, function()
    is_late = true
    handle:kill "sigkill"
  end)
  return function()
    timer:close()
    return is_late
  end
end

--- Starts a program. When it has ended, on_end gets its output; or nil and a message.
-- Its standard input is empty.
-- @param seconds after which it is ended; nil: never
function program.start(name, args, on_end, seconds)
  local pipes = { uv.new_pipe(false), uv.new_pipe(false) }
  local left, output, errors, status, was_late = 3, nil, nil, nil, nil
  local function part_ended()
    left = left - 1
    if left > 0 then return end
    if was_late() then return on_end(nil, ("%s: no answer within %g s"):format(name, seconds)) end
    if status == 0 then return on_end(table.concat(output)) end
    on_end(nil, message(name, status, table.concat(errors)))
  end
  local handle, err
  handle, err = uv.spawn(name, { args = args, stdio = { nil, pipes[1], pipes[2] } }, function(code, signal)
    handle:close()
    status = signal ~= 0 and 128 + signal or code
    part_ended()
  end)
  if not handle then
    for _, pipe in ipairs(pipes) do pipe:close() end
    return on_end(nil, not_started(name, err))
  end
  was_late = watch(handle, seconds)
  output, errors = collect(pipes[1], part_ended), collect(pipes[2], part_ended)
end

--- Runs a program and waits. Returns its output; or nil and a message. Not for callbacks of luv, whose loop it runs.
function program.run(name, args, seconds)
  local has_ended, output, err = false, nil, nil
  program.start(name, args, function(text, why) has_ended, output, err = true, text, why end, seconds)
  while not has_ended do uv.run "once" end
  return output, err
end

return program
