--- Calls that close their <close> variables however they end.
--
-- Lua does so by itself, but for one case: a coroutine that an error ends leaves its own open, until coroutine.close
-- or for good. There the error is caught behind the call, and raised again.
return function(f, ...)
  local _, is_main = coroutine.running()
  if is_main then return f(...) end -- with the whole traceback
  local results = table.pack(pcall(f, ...))
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end
