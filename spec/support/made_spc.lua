-- Makes SPC files by their published layout.
local spc = {}

function spc.reals(list, order)
  return string.pack((order or "<") .. ("f"):rep(#list), table.unpack(list))
end

function spc.integers(list, order) return string.pack((order or "<") .. ("i4"):rep(#list), table.unpack(list)) end

local function log_block(text, order)
  return string.pack((order or "<") .. "I4I4I4I4I4c44", 64 + #text + 1, 4096, 64, 0, 0, "") .. text .. "\0"
end

-- A spectrum: its subheader and body, which holds the numbers.
local function sub(s, order)
  return string.pack((order or "<") .. "BbI2fffI4I4fc4", 0, s.exponent or -128, 0, s.z or 0, s.z_next or 0, 0,
    s.n or 0, 0, s.w or 0, "") .. s.body
end

-- A file of the new form: s.subs are packed one after another.
function spc.new(s)
  local order = s.order or "<"
  local parts = { spc.reals(s.x or {}, order) }
  for i, one in ipairs(s.subs) do parts[i + 1] = sub(one, order) end
  local body = table.concat(parts)
  local head = string.pack(order .. "BBBbI4ddI4BBBBI4c9c9I2c32c130c30I4I4BBI2fc48fI4fBc187",
    s.flags or 0, order == "<" and 0x4B or 0x4C, s.technique or 0, s.exponent or -128, s.points or 3, s.first or 1000,
    s.last or 2000, s.count or #s.subs, s.axis or 1, s.values or 2, s.z_axis or 4, 0, s.date or 0, "4 cm-1",
    "FTS 7", 0, "", s.comment or "", s.labels or "", s.log and 512 + #body or 0, 0, 0, 0, 0, 0, "", s.z_step or 0,
    s.planes or 0, s.w_step or 0, s.w_axis or 0, "")
  assert(#head == 512)
  return head .. body .. (s.log and log_block(s.log, order) or "")
end

function spc.one(y, s)
  s = s or {}
  s.subs = { { body = spc.reals(y, s.order) } }
  return spc.new(s)
end

-- A file of the old form, whose integers of 32 bits hold the upper half first.
function spc.old(s)
  local parts = {}
  for i, list in ipairs(s.subs) do
    local words = {}
    for j, value in ipairs(list) do words[j] = string.pack("<I2I2", value >> 16 & 0xffff, value & 0xffff) end
    parts[i] = string.pack("<BbI2fffI4I4c8", 0, s.sub_exponent or 0, i - 1, i * 0.5, i * 0.5 + 0.5, 0, 0, 0, "") ..
      table.concat(words)
  end
  local head = string.pack("<BBi2fffBBI2BBBBc8I2I2c28c130c30", s.flags or 0, 0x4D, s.exponent or 32, s.points or 3,
    100, 300, 13, 4, 1992 | 4 << 12, 7, 24, 13, 5, "8 cm-1", 0, 16, "", "sulfur", s.labels or "")
  assert(#head == 224)
  return head .. table.concat(parts)
end

--- Small files of every form, for the fuzzer.
function spc.seeds()
  return { spc.one({ 1, 2, 3 }, { flags = 128, x = { 5, 7, 12 }, log = "a=b\r\n" }),
    spc.new { flags = 4 | 64 | 128, points = 0, count = 2,
      subs = { { n = 2, body = spc.reals { 1, 2, 3, 4 } }, { n = 2, body = spc.reals { 1, 2, 3, 4 } } } },
    spc.new { flags = 1, order = ">", exponent = 4, subs = { { body = "\1\2\3\4\5\6", exponent = 4 } } },
    spc.old { flags = 4, sub_exponent = 3, subs = { { 2, 4, 6 }, { 8, 10, 12 } } } }
end

return spc
