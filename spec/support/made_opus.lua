-- Makes OPUS files: blocks, of parameters or of values, with their directory.
local opus = {}

--- The type of a block: kind of spectrum, parameters, sample or reference, complex, derivative, form.
function opus.type(s)
  return (s.complex or 0) | (s.owner or 0) << 2 | (s.parameters or 0) << 4 | (s.kind or 0) << 10
    | (s.derivative or 0) << 17 | (s.form or 0) << 19
end

local function value_bytes(value)
  if math.type(value) == "integer" then return 0, string.pack("<i4", value) end
  if math.type(value) == "float" then return 1, string.pack("<d", value) end
  local text = value .. ("\0"):rep(2 - #value % 2)
  return 2, text
end

--- The bytes of parameters { { "SNM", "soil" }, { "NPT", 3 }, { "FXV", 4000.0 } }.
function opus.parameters(list)
  local parts = {}
  for i, pair in ipairs(list) do
    local type, bytes = value_bytes(pair[2])
    parts[i] = pair[1] .. "\0" .. string.pack("<I2I2", type, #bytes // 2) .. bytes
  end
  return table.concat(parts) .. "END\0\0\0\0\0"
end

--- A file of blocks { type, bytes }, in this order.
function opus.file(blocks, announced)
  local at = 24 + 12 * (#blocks + 2)
  local entries, bodies = { string.pack("<I4I4I4", opus.type { kind = 13 }, 3 * (#blocks + 2), 24) }, {}
  for i, block in ipairs(blocks) do
    local body = block[2] .. ("\0"):rep(-#block[2] % 4)
    entries[i + 1], bodies[i] = string.pack("<I4I4I4", block[1], #body // 4, at), body
    at = at + #body
  end
  return "\n\n\254\254" .. string.pack("<di4i4i4", 920622, 24, #blocks + 2, announced or #blocks + 1) ..
    table.concat(entries) .. ("\0"):rep(12) .. table.concat(bodies)
end

function opus.reals(list) return string.pack("<" .. ("f"):rep(#list), table.unpack(list)) end

--- Parameters of a spectrum of values `y` on an axis from 4000 to 3000.
function opus.status(y, more)
  local list = { { "DPF", 1 }, { "NPT", #y }, { "FXV", 4000.0 }, { "LXV", 3000.0 }, { "CSF", 1.0 },
    { "MXY", math.max(table.unpack(y)) + 0.0 }, { "MNY", math.min(table.unpack(y)) + 0.0 }, { "DAT", "06/11/2015" },
    { "TIM", "14:38:14" }, { "DXU", "WN" } }
  for _, pair in ipairs(list) do pair[2] = more and more[pair[1]] or pair[2] end
  return opus.parameters(list)
end

--- The two blocks of a spectrum: its values and its parameters.
function opus.spectrum(s, y, more)
  local status = {}
  for key, value in pairs(s) do status[key] = value end
  status.parameters = 1
  return { opus.type(s), more and more.bytes or opus.reals(y) }, { opus.type(status), opus.status(y, more) }
end

--- The bytes of a series of spectra, each with a record behind it that states its factor and times.
function opus.series(list, more)
  more = more or {}
  local parts, table_bytes = {}, more.table or ""
  for i, y in ipairs(list) do
    local record = ("\0"):rep(104) .. string.pack("<d", more.factor or 0) .. ("\0"):rep(24)
    parts[i] = opus.reals(y) .. (record .. string.pack("<dd", i - 1, i - 0.5)):sub(1, more.record or 152)
  end
  return string.pack("<i4i4i4i4i4i4", more.version or 0, more.count or #list, 24 + #table_bytes, 4 * #list[1],
    more.record or 152, #table_bytes // 8) .. table_bytes .. table.concat(parts)
end

--- Small files of several forms, for the fuzzer.
function opus.seeds()
  local a, a_status = opus.spectrum({ complex = 3, owner = 3, kind = 4 }, { 0.5, 0.25, 1 })
  local s, s_status = opus.spectrum({ complex = 3, owner = 1, kind = 1 }, { 1, 2, 3 })
  local y = { { 1, 2, 3 }, { 4, 5, 6 } }
  local t, t_status = opus.spectrum({ complex = 3, owner = 3, kind = 4, form = 2 }, y[1], { bytes = opus.series(y) })
  local sample = { opus.type { parameters = 10 }, opus.parameters { { "SNM", "soil" }, { "RES", 4.0 } } }
  return { opus.file { a, a_status, s, s_status, sample }, opus.file { sample, t, t_status } }
end

return opus
