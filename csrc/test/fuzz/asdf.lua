-- Tables of JCAMP-DX (csrc/bind/asdf.c): points and lines are as many as the reader says.
local core = ...

return function(bytes)
  local most = 16 * #bytes + 1
  local y, lines, fault = core.asdf(bytes, nil, nil, 0.5, most)
  if not y then
    local _, breaks = bytes:gsub("\n", "")
    assert(lines >= 1 and lines <= breaks + 1 and type(fault) == "string", "a fault in no line")
    return
  end
  local points = core.size(y, 1)
  assert(points >= 1 and points <= most, "too many points")
  assert(#lines.x == #lines.at and #lines.x == #lines.unit and #lines.x == #lines.line, "lists of different lengths")
  for i, at in ipairs(lines.at) do assert(at >= 1 and at <= points + 1 and at >= (lines.at[i - 1] or 1), "no point") end
  assert(lines.unknown <= points and lines.deviations <= #lines.x, "more than there are")
end
