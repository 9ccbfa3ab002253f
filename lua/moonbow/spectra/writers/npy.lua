--- NumPy's files: .npy holds the values (N, L) alone, .npz also the axis in double precision.
local core = require "moonbow.core"
local zip = require "moonbow.io.zip"

local npy = { suffixes = { "npy", "npz" }, title = "a NumPy file" }

local MOST_PACKED = 128 -- numbers of one string.pack

-- Returns the bytes of an array, whose numbers are `type`.
local function array(type, shape, numbers)
  local header = ("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }"):format(type, shape)
  header = header .. (" "):rep(-(#header + 11) % 64) .. "\n"
  return "\x93NUMPY\1\0" .. string.pack("<s2", header) .. numbers
end

local function doubles(list)
  local parts = {}
  for first = 1, #list, MOST_PACKED do
    local last = math.min(first + MOST_PACKED - 1, #list)
    parts[#parts + 1] = string.pack("<" .. ("d"):rep(last - first + 1), table.unpack(list, first, last))
  end
  return table.concat(parts)
end

--- Puts the content of a file, as csv.write does.
function npy.write(spectra, options, put)
  local shape = ("%d, %d"):format(#spectra, spectra.length)
  local values = array("<f4", shape, core.encode(spectra.x, "f4"))
  if options.format == "npy" then return put(values) end
  zip.write({ { name = "spectra.npy", content = values },
    { name = "axis.npy", content = array("<f8", ("%d,"):format(spectra.length), doubles(spectra.axis)) } }, put)
end

return npy
