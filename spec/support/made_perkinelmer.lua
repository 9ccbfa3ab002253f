-- Makes PerkinElmer files of their blocks.
local perkinelmer = {}

function perkinelmer.block(id, bytes, size) return string.pack("<I2I4", id, size or #bytes) .. bytes end

function perkinelmer.text(text) return "#u" .. string.pack("<s2", text) end

local block, text = perkinelmer.block, perkinelmer.text

--- Who measured what, and the settings of the instrument.
function perkinelmer.history()
  local record = block(121, block(35698, text "me") .. block(35700, text "Mon Oct 28") .. block(35702, text ""))
  local instrument = block(123, block(35837, text "Spectrum 3"))
    .. block(35840, ",u" .. string.pack("<I2c4", 32, "")) .. block(35844, "\28u" .. string.pack("<dc4", 4, ""))
  return block(35711, block(122, record .. block(35705, block(124, instrument))))
end

--- A file of one spectrum. s: axis, values (labels), name, count, type (of the array).
function perkinelmer.sp(y, s)
  s = s or {}
  local array = (s.type or "\22u") .. string.pack("<I4" .. ("d"):rep(#y), 8 * #y, table.unpack(y))
  local set = perkinelmer.history() .. block(35709, text(s.name or "C:\\data\\film")) ..
    block(35698, "\29u" .. string.pack("<dd", 4000, 3000)) .. block(35701, "+u" .. string.pack("<i4", s.count or #y)) ..
    block(35703, text(s.axis or "cm-1")) .. block(35704, text(s.values or "%T")) .. block(35713, text "alias") ..
    (s.without_values and "" or block(35708, array))
  return string.pack("<c4c40", "PEPE", s.kind or "2D constant interval DataSet file") .. block(120, set)
end

--- The image of spectra, columns first. s: columns, rows, values.
function perkinelmer.fsm(spectra, s)
  s = s or {}
  local points = #spectra[1]
  local image = string.pack("<s2dddddddddd", "Image", 50, 25, -500, 4000, 3000, 0, 0, 1000, 2000, 4000) ..
    string.pack("<i4i4i4s2s2s2s2", s.columns or 2, s.rows or 2, points, "X - micrometers", "Y - micrometers", "cm-1",
      s.values or "%T")
  local parts = { string.pack("<c4c40", "PEPE", "DataSet - 4DConst3DInterval"),
    s.without_image and "" or block(5100, image), block(5104, block(120, perkinelmer.history())) }
  for _, y in ipairs(spectra) do
    parts[#parts + 1] = block(5105, string.pack("<" .. ("f"):rep(#y), table.unpack(y)))
  end
  return table.concat(parts)
end

--- Small files of every form, for the fuzzer.
function perkinelmer.seeds()
  return { perkinelmer.sp { 90, 80, 70 }, perkinelmer.fsm { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 } } }
end

return perkinelmer
