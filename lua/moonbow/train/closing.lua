--- Calls a function so that its <close> variables are closed however it ends.
--
-- Lua does this itself, except in coroutines: one that an error ends leaves its variables open until coroutine.close,
-- or forever. In coroutines the error is therefore caught outside the call and raised again.
return function(f, ...)
  local _, is_main = coroutine.running()
  if is_main then return f(...) end -- keeps the whole traceback
  local results = table.pack(pcall(f, ...))
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end
