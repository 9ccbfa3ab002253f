--- Returns what f writes to io.stderr; f must not raise.
return function(f)
  local stderr, file = io.stderr, assert(io.tmpfile())
  io.stderr = file -- luacheck: ignore
  local ok, err = pcall(f)
  io.stderr = stderr -- luacheck: ignore
  assert(ok, err)
  file:seek "set"
  local text = file:read "a"
  file:close()
  return text
end
