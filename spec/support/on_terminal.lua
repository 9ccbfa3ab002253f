-- Runs a shell command on a terminal with a number of columns (0: unknown to programs). Returns its output, with
-- lines ended by \n.
return function(columns, command)
  local script, log = os.tmpname(), os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write("stty cols ", columns, "\nexport TERM=xterm\n", command, "\n")
  file:close()
  assert(os.execute(("script -qec 'sh %s' %s </dev/null >/dev/null 2>&1"):format(script, log)))
  file = assert(io.open(log))
  local shown = file:read "a"
  file:close()
  os.remove(script)
  os.remove(log)
  return (shown:gsub("^Script started[^\n]*\n", ""):gsub("\nScript done[^\n]*\n$", ""):gsub("\r\n", "\n"))
end
