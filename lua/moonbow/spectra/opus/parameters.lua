--- A block of parameters of an OPUS file: names of three letters with a number or a text each.
local INTEGER, REAL = 0, 1
local MOST = 1000 -- parameters of a block

--- Reads the parameters of a block into a table { [name] = string or number }.
return function(source, block, into)
  into = into or {}
  local at, behind = block.start, block.start + block.size
  for _ = 1, MOST do
    if at + 8 > behind then break end
    local name = source:text(at, 3)
    if name == "END" or not name:find "^%w%w%w$" then break end
    local type, size = source:number(at + 4, "u2"), 2 * source:number(at + 6, "u2")
    if at + 8 + size > behind then break end
    if type == INTEGER and size >= 4 then into[name] = source:number(at + 8, "i4")
    elseif type == REAL and size >= 8 then into[name] = source:number(at + 8, "f8")
    elseif type ~= INTEGER and type ~= REAL then into[name] = source:field(at + 8, size) end
    at = at + 8 + size
  end
  return into
end
