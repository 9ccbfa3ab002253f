--- experiments/own_spectra.lua as a user runs it, in a temporary folder.
local mb = require "moonbow"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local folder = temporary_folder()
local own_spectra = { folder = folder }

--- Exit code and everything printed.
function own_spectra.run(arguments)
  local out = arguments:find "%-%-out" and "" or ("--out %s/out"):format(folder)
  local command = ("%s experiments/own_spectra.lua %s %s 2>&1"):format(interpreter, out, arguments)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  local _, _, code = pipe:close()
  return code, text
end

--- Writes a file; returns its path.
function own_spectra.write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return folder .. "/" .. name
end

--- Two classes of spectra with a peak at one of two positions.
function own_spectra.artificial()
  local rng, lines, header = mb.rng(1), {}, { "kind", "sample" }
  for i = 1, 40 do header[#header + 1] = 1000 + i end
  lines[1] = table.concat(header, ",")
  for n = 1, 30 do
    local cells = { n % 2 == 0 and "even" or "odd", "s" .. n // 2 }
    for i = 1, 40 do
      local centre = n % 2 == 0 and 15 or 25
      cells[#cells + 1] = ("%.5f"):format(math.exp(-(i - centre) ^ 2 / 18) + rng:normal(0, 0.01))
    end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return own_spectra.write("spectra.csv", table.concat(lines, "\n") .. "\n")
end

--- Spectra with a peak at 1021, whose height is in the first column, beside a baseline that varies more.
function own_spectra.heights()
  local rng, lines, header = mb.rng(2), {}, { "height", "name" }
  for i = 1, 40 do header[#header + 1] = 1000 + i end
  lines[1] = table.concat(header, ",")
  for n = 1, 30 do
    local height, base = n / 10, rng:uniform(0, 5)
    local cells = { height, "n" .. n }
    for i = 1, 40 do
      cells[#cells + 1] = ("%.5f"):format(height * math.exp(-(i - 21) ^ 2 / 8) + base + rng:normal(0, 0.01))
    end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return own_spectra.write("heights.csv", table.concat(lines, "\n") .. "\n")
end

return own_spectra
