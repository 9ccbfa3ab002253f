-- Makes OMNIC files: SPA and SPG by their table of contents, SRS by the places that other readers found.
local omnic = {}

function omnic.reals(list) return string.pack("<" .. ("f"):rep(#list), table.unpack(list)) end

--- The header of a spectrum. s: points, axis, values (codes), first, last.
function omnic.header(s)
  return string.pack("<I4I4I4I4ffI4I4I4I4I4I4I4", 3, s.points, s.axis or 1, s.values or 17, s.first or 4000,
    s.last or 3000, 0, 16672, 8192, s.scans or 32, 0, 8192, 0) ..
    string.pack("<I4fI4I4I4I4I4ffI4ff", s.background or 64, 1, 0, 0, 400, 0, 0, 15798.25, 1, 0, 69, 0) .. ("\0"):rep(40)
end

--- A file of parts { key, bytes }, in this order.
function omnic.file(parts, title, seconds)
  local at = 304 + 16 * (#parts + 1)
  local entries, bodies = {}, {}
  for i, part in ipairs(parts) do
    entries[i] = string.pack("<BBI4I4c6", part[1], 0, at, part[3] or #part[2], "")
    bodies[i] = part[2]
    at = at + #part[2]
  end
  return string.pack("<c30c256c8I2I4c4", "Spectral Data File\r\n", title or "polystyrene", "", #parts,
    seconds or 3637622741, "") .. table.concat(entries) .. ("\0"):rep(16) .. table.concat(bodies)
end

--- The parts of a spectrum.
function omnic.spectrum(y, s)
  s = s or {}
  s.points = s.points or #y
  return { 2, omnic.header(s) }, { 3, omnic.reals(y) }
end

function omnic.spa(y, s) return omnic.file { omnic.spectrum(y, s) } end

--- A group of spectra { title, values, header }.
function omnic.spg(list)
  local parts = {}
  for i, one in ipairs(list) do
    local head, values = omnic.spectrum(one[2], one[3])
    table.move({ head, values, { 107, string.pack("<c256I4", one[1], 3637622741 + i) } }, 1, 3, #parts + 1, parts)
  end
  return omnic.file(parts, "group")
end

--- A series of spectra, with marks that end as the variant has it.
function omnic.srs(list, s)
  s = s or {}
  local mark = "\2\0\0\0\24\0\0\0\0\0" .. (s.ending or "HC\0PCG")
  local head = omnic.header { points = s.points or #list[1], axis = s.axis, values = s.values, first = s.first or 1000,
    last = s.last or 2000 }
  head = head .. ("\0"):rep(152 - #head) .. mark
  head = head .. ("\0"):rep(938 - #head) .. string.pack("<c64fffc12I4", "kinetics", 0.5, 9, 0.25, "", s.count or #list)
  local parts = { "Spectral Exte File", ("\0"):rep(400), head, ("\0"):rep(200) }
  for i = 2, s.marks or 3 do parts[#parts + 1] = mark .. ("\0"):rep(i == (s.marks or 3) and 60 - #mark or 80) end
  for i, y in ipairs(list) do
    parts[#parts + 1] = string.pack("<c84", ("Linked spectrum at %d"):format(i)) .. omnic.reals(y)
      .. (list[i + 1] and ("\0"):rep(16) or "")
  end
  return table.concat(parts)
end

--- Small files of every form, for the fuzzer.
function omnic.seeds()
  return { omnic.spa { 0.5, 0.25, 1 }, omnic.spg { { "a", { 1, 2, 3 } }, { "b", { 4, 5, 6 } } },
    omnic.srs { { 1, 2, 3 }, { 4, 5, 6 } } }
end

return omnic
