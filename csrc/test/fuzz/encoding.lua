-- Text of any encoding (csrc/bind/encoding.c): the result is UTF-8 with line breaks of Unix.
local core = ...

return function(bytes)
  local text, nul, _, others = core.to_utf8(bytes)
  assert(utf8.len(text), "not UTF-8")
  assert(not text:find("\r", 1, true), "a carriage return")
  assert(nul == text:find("\0", 1, true), "another NUL")
  assert(not others or others >= 1 and others <= select(2, text:gsub("\n", "")) + 1, "more lines than there are")
end
