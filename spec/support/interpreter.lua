-- Starts Lua again from a spec: the interpreter that runs busted, on the same module.
local interpreter = "lua5.4"
for i = -1, -10, -1 do
  if not (arg and arg[i]) then break end
  interpreter = arg[i]
end

--- The beginning of a command line, before a script and its arguments.
return ("LUA_PATH='%s' LUA_CPATH='%s' %s"):format(package.path, package.cpath, interpreter)
