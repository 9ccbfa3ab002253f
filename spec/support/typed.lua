-- Types on a terminal that runs a shell command. Returns its output, without escape sequences.
local uv = require "luv"

local LONGEST = 60000 -- milliseconds after which the command is killed

-- @param steps a list of { text, keys }: the keys are typed once the command has shown the text after the previous one
return function(command, steps)
  local input, output, shown, from, step = uv.new_pipe(), uv.new_pipe(), "", 1, 1
  local timer, process = uv.new_timer(), nil
  process = assert(uv.spawn("script", { args = { "-qec", command, "/dev/null" }, stdio = { input, output } }, function()
    process:close()
    timer:close()
    input:close()
  end))
  uv.update_time() -- the clock of the loop stood still since it ran last, so that the time would be over at once
  timer:start(LONGEST, 0, function() process:kill "sigterm" end)
  output:read_start(function(_, data)
    if not data then return output:close() end
    shown = shown .. data
    while steps[step] do
      local _, last = shown:find(steps[step][1], from, true)
      if not last then return end
      from, step = last + 1, step + 1
      input:write(steps[step - 1][2])
    end
  end)
  uv.run()
  return (shown:gsub("\27%[[%d;?]*%a", ""):gsub("\r", ""))
end
