-- Memory of readers: at most the size of the file and twice that of its numbers, 8 bytes each.
local files = require "support.spectra_files"
local interpreter = require "support.interpreter"

local POINTS = 200000
local MANY = 1000000 -- for files of more than 16 MB, of which garbage is collected at once
local SLACK = 3 -- megabytes, for the heap of the process

-- Returns the text of a file: a row for each point between its head and its tail.
local function file(head, row, tail, points)
  local rows = {}
  for i = 1, points or POINTS do rows[i] = row(i) end
  return head .. table.concat(rows) .. (tail or "")
end

local function formatted(format, ...)
  local scales = { ... }
  return function(i)
    local values = {}
    for c, scale in ipairs(scales) do values[c] = c == 1 and i * scale or i * 7919 % 10007 * scale end
    return format:format(table.unpack(values))
  end
end

local JCAMP = "##TITLE=a\n##JCAMP-DX=4.24\n##DATA TYPE=RAMAN SPECTRUM\n##XUNITS=1/CM\n##YUNITS=A\n"
local RAS = '*RAS_DATA_START\n*MEAS_SCAN_UNIT_Y "counts"\n*RAS_INT_START\n'
local UXD = "_FILEVERSION=2\n_START=1\n_STEPSIZE=0.001\n"
local function gsas(kind, lines)
  return ("a\nBANK 1 %d %d CONS 1000 0.1 0 0 %s\n"):format(POINTS, lines, kind)
end
local function every(count, format)
  return function(i) return format:format(i * 7919 % 10007) .. (i % count == 0 and "\n" or "") end
end

local BRML = '<RawData xmlns:xsi="urn:x"><DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation><ScanAxes>'
  .. '<ScanAxisInfo AxisId="TwoTheta" Unit="deg"/></ScanAxes></ScanInformation>'
local CONDITIONS = "<MeasurementConditions><ScanInformation><AxisName>TwoTheta</AxisName></ScanInformation>"
  .. "</MeasurementConditions>"

local function brml(content) return files.zip { { "Experiment0/RawData0.xml", content } } end

local function rasx(profile)
  return files.zip { { "Data0/Profile0.txt", profile }, { "Data0/MesurementConditions0.xml", CONDITIONS } }
end

-- Name; numbers of a point in the file, or in what is read: an even axis counts, too; the head, the rows and the tail
-- of the file; its points, if they are not POINTS; and what makes an archive of it.
local texts = {
  { "pairs of JCAMP-DX", 2, JCAMP .. "##XYPOINTS=(XY..XY)\n", formatted("%.4f, %.5f\n", 1e-3, 1e-2), "##END=\n" },
  { "pairs of JCAMP-DX with line breaks of Windows", 2, JCAMP:gsub("\n", "\r\n") .. "##XYPOINTS=(XY..XY)\r\n",
    formatted("%.4f, %.5f\r\n", 1e-3, 1e-2), "##END=\r\n" },
  { "packed pairs of JCAMP-DX", 2, JCAMP .. "##XYPOINTS=(XY..XY)\n", formatted("%.4f+%.5f\n", 1e-3, 1e-2),
    "##END=\n" },
  { "peaks of JCAMP-DX with comments", 2, JCAMP .. "##PEAK TABLE=(XY..XY)\n",
    formatted("%.4f,%.3f $$ c\n", 1e-3, 1e-2), "##END=\n" },
  { "peaks of JCAMP-DX out of order", 2, JCAMP .. "##PEAK TABLE=(XY..XY)\n", formatted("%.4f,%.3f\n", -1e-3, 1e-2),
    "1,1\n##END=\n" },
  { "UXD with angles", 2, UXD .. "_2THETACOUNTS\n", formatted("%9.4f %7.0f\n", 1e-3, 1) },
  { "UXD with counts alone", 2, UXD .. "_COUNTS\n", every(8, "%8d") },
  { "RAS", 3, RAS, formatted("%.4f %.4f 2.5\n", 1e-3, 1), "*RAS_INT_END\n" },
  { "UDF", 2, ("DataAngleRange, 0.0, %.3f,/\nScanStepSize, 0.001,/\nRawScan\n"):format((POINTS - 1) * 1e-3),
    every(8, "%7d,"), "/\n" },
  { "GSAS' FXYE", 3, gsas("FXYE", POINTS), formatted("%12.3f %12.3f %9.3f\n", 0.1, 1, 1) },
  { "GSAS' STD", 2, gsas("STD", POINTS // 10), every(10, " 1%6d") },
  { "GSAS' ESD", 3, gsas("ESD", POINTS // 5), every(5, "%8.1f    3.50") },
  { "FullProf's text", 2, ("0 0.001 %.3f a\n"):format((POINTS - 1) * 1e-3), every(10, "%8d"), "\n" },
  { "CIF", 2, "data_a\nloop_\n_pd_meas_2theta_scan\n_pd_meas_counts_total\n",
    formatted("%.4f %.0f(12)\n", 1e-3, 1) },
  { "RRUFF's text", 2, "##NAMES=a\n##RRUFFID=R1\n", formatted("%.4f, %.5f\n", 1e-3, 1e-2), "##END=\n" },
  { "NJA", 2, "#MeasParameter\n#Values\n&NoValues=0\n", formatted("%.4f %.0f\n", 1e-3, 1) },
  { "PerkinElmer's text", 2, "PE IR SPECTRUM ASCII 2\n#GR\ncm-1\nA\n#DATA\n", formatted("%.4f %.4f\n", 1e-3, 1e-2) },
  { "LabSpec's text", 2, "#Title=\ta\n", formatted("%.4f\t%.4f\n", 1e-3, 1e-2) },
  { "TrueMatch", 2, "[WITEC_TRUEMATCH_ASCII_HEADER]\n[SpectrumData]\n", formatted("%.4f\t%.4f\n", 1e-3, 1e-2) },
  { "WITec's table", 2, "X-Axis\ta\nrel. 1/cm\tCCD cts\n", formatted("%.4f\t%.4f\n", 1e-3, 1e-2) },
  { "Renishaw's text", 4, "#X\t#Y\t#Wave\t#Intensity\n", formatted("1\t2\t%.4f\t%.4f\n", 1e-3, 1e-2) },
  { "a table of two columns", 2, "wavenumber,a\n", formatted("%.4f,%.5f\n", 1e-3, 1e-2) },
  { "a table of two columns without names", 2, "", formatted("%.4f\t%.5f\n", 1e-3, 1e-2) },
  { "a table with line breaks of Windows", 2, "", formatted("%.4f,%.5f\r\n", 1e-3, 1e-2), "", MANY },
  { "a table that is not UTF-8", 2, "wavenumber,\xb5\n", formatted("%.4f,%.5f\n", 1e-3, 1e-2) },
  { "a table below comments", 2, "# a: b\n# wavenumber,a\n", formatted("%.4f,%.5f\n", 1e-3, 1e-2) },
  { "a table with comments among its rows", 2, "# wavenumber,a\n", function(i)
    return ("%s%.4f,%.5f\n"):format(i % 50 == 0 and "# a comment\n" or "", i * 1e-3, i * 7919 % 10007 * 1e-2)
  end },
  { "a table with errors of the values", 3, "", function(i)
    local count = i * 7919 % 10007 + 1
    return ("%.4f %d %.4f\n"):format(i * 1e-3, count, math.sqrt(count))
  end },
  { "a table of three columns with names", 3, "wavenumber,a,b\n", formatted("%.4f,%.3f,%.3f\n", 1e-3, 1e-2, 1e-2) },
  { "pairs of columns", 4, "nm,a,nm,b\n", function(i)
    return ("%.4f,%d,%.4f,%d\n"):format(i * 1e-3, i % 7, i * 1e-3, i % 5)
  end, "", MANY },
  { "BRML", 4, BRML, formatted("<Datum>0.5,1,%.4f,%.0f</Datum>\n", 1e-3, 1), "</DataRoute></DataRoutes></RawData>",
    POINTS, brml },
  { "RASX", 3, "", formatted("%.4f\t%.4f\t1.0000\r\n", 1e-3, 1), "", POINTS, rasx },
}

-- Prints the kilobytes by which the memory of a process has grown at most while it read a file.
local SCRIPT = [[
local mb = require "moonbow"
collectgarbage()
local function status(key) return tonumber(io.open "/proc/self/status":read "a":match(key .. ":%%s*(%%d+)")) end
local before = status "VmRSS"
local set = assert(mb.spectra.read(%q, { verbose = false }))
print(status "VmHWM" - before, set.length)
]]

local function written(content)
  local name = os.tmpname()
  local handle = assert(io.open(name, "wb"))
  handle:write(content)
  handle:close()
  return name
end

-- Returns the megabytes that reading a file takes, and the points of its spectra.
local function memory_of(bytes)
  local path = written(bytes)
  local script = written(SCRIPT:format(path))
  local pipe = assert(io.popen(("OMP_NUM_THREADS=1 %s %s"):format(interpreter, script)))
  local kilobytes, length = pipe:read("n", "n")
  pipe:close()
  os.remove(path)
  os.remove(script)
  return kilobytes / 1024, length
end

describe("memory while a file is read:", function()
  for _, row in ipairs(texts) do
    local name, numbers = row[1], row[2]
    it(name, function()
      if os.getenv "ASAN_OPTIONS" then return pending "the address sanitizer keeps freed memory aside" end
      if not io.open "/proc/self/status" then return pending "no /proc here" end
      local bytes, points = file(table.unpack(row, 3, 6)), row[6] or POINTS
      bytes = row[7] and row[7](bytes) or bytes
      local megabytes, length = memory_of(bytes)
      local most = (#bytes + 2 * 8 * numbers * points) / 1024 ^ 2 + SLACK
      assert.is_true(length >= points)
      assert.is_true(megabytes < most, ("%.1f MB, at most %.1f MB"):format(megabytes, most))
    end)
  end
end)
