--- Bruker OPUS: one file holds several blocks, such as absorbance, single channels and interferograms.
local core = require "moonbow.core"
local check_kind = require "moonbow.spectra.opus.kind"
local directory = require "moonbow.spectra.opus.directory"
local percent_of = require "moonbow.spectra.percent"
local read_parameters = require "moonbow.spectra.opus.parameters"
local spectra = require "moonbow.spectra.opus.spectra"
local values = require "moonbow.spectra.opus.values"

local opus = { name = "opus", title = "Bruker OPUS" }

function opus.matches(source) return source.bytes:sub(1, 4) == directory.MAGIC end

-- Unit and name of the axis by DXU.
local axes = { WN = { "cm-1", "wavenumber" }, MI = { "um", "wavelength" }, NM = { "nm", "wavelength" },
  PNT = { "points", "points" }, MIN = { "min", "time" }, SEC = { "s", "time" }, LGW = { nil, "log wavenumber" },
  F = { "Hz", "frequency" } }

-- What is kept of the parameters.
local kept = { "SNM", "SFM", "CNM", "EXP", "INS", "SRN", "VSN", "RES", "NSS", "ASS", "NSR", "ARS", "APT", "SRC", "BMS",
  "DTC", "CHN", "ACC", "VEL", "AQM", "PLF", "APF", "PHZ", "ZFF", "HFQ", "LFQ", "LWN", "RLW", "RLP", "DUR", "HUM", "TSC",
  "PRS", "CPY", "BLD", "DPM", "LCT", "IST", "MPM" }

-- ---- which block ----

-- The blocks that share the name of the last of the best rank: the last alone, or all of more than two on its axis.
local function best(list)
  local last = list[1]
  for _, block in ipairs(list) do
    if block.rank <= last.rank then last = block end
  end
  local same, axis = {}, last.status
  for _, block in ipairs(list) do
    local s = block.status
    if block.base == last.base and s.NPT == axis.NPT and s.FXV == axis.FXV and s.LXV == axis.LXV then
      same[#same + 1] = block
    end
  end
  return #same > 2 and same or { last }
end

local function names_of(list)
  local names = {}
  for i, block in ipairs(list) do names[i] = block.name end
  return table.concat(names, ", ")
end

-- The blocks to be read: the one that options.block names or counts, else the best.
local function choose(source, list)
  local wanted, found = source:wanted "block", nil
  if wanted == nil then return best(list) end
  for i, block in ipairs(list) do
    local name, text = block.name:lower(), tostring(wanted):lower()
    if i == wanted or name == text or block.base:lower() == text then found = block end
  end
  if not found then source:fail("block = %s: the file holds %s", tostring(wanted), names_of(list)) end
  return { found }
end

local function note_choice(source, list, chosen)
  if #chosen == #list then return end
  local taken, others = {}, {}
  for _, block in ipairs(chosen) do taken[block] = true end
  for _, block in ipairs(list) do
    if not taken[block] then others[#others + 1] = block end
  end
  source:note("block %s was taken; the file also holds %s", names_of(chosen), names_of(others))
end

-- ---- metadata ----

-- Parameters of all blocks but those of spectra; those of the reference count where the sample has none.
local function parameters_of(source, blocks)
  local all, reference = {}, {}
  for _, block in ipairs(blocks) do
    if block.parameters > 1 then read_parameters(source, block, block.owner == 2 and reference or all) end
  end
  return setmetatable(all, { __index = reference })
end

local function metadata_of(parameters, status)
  local metadata = { DAT = status.DAT, TIM = status.TIM }
  for _, name in ipairs(kept) do
    if parameters[name] ~= "" then metadata[name] = parameters[name] end
  end
  return metadata
end

-- ---- spectra ----

local function times_text(list)
  local texts = {}
  for i, value in ipairs(list) do texts[i] = ("%.10g"):format(value) end
  return texts
end

local function read_values(source, block, result)
  if block.form ~= spectra.SERIES then
    result.y = values.read(source, block)
    return
  end
  local start, stop
  result.y, start, stop = values.read_series(source, block)
  if start and core.size(result.y, 1) > 1 then
    result.columns = { "start (s)", "end (s)" }
    result.labels = { ["start (s)"] = times_text(start), ["end (s)"] = times_text(stop) }
  end
end

local function read_block(source, block, list, parameters)
  local status, axis = block.status, axes[block.status.DXU] or {}
  local result = { unit = axis[1], axis = axis[2], metadata = metadata_of(parameters, status) }
  read_values(source, block, result)
  result.x = source.even(status.FXV, status.LXV, status.NPT)
  if block.is_raman and result.unit == "cm-1" then result.axis = "Raman shift" end
  local quantity, decided = check_kind(source, block, list, parameters.PLF)
  result.quantity = quantity
  result.percent, result.decided = percent_of(quantity, { result.y }, decided)
  local name = parameters.SNM
  if type(name) == "string" and name ~= "" and block.form ~= spectra.SERIES then result.names = { name } end
  return result
end

function opus.read(source)
  local blocks = directory.read(source)
  local list = spectra.list(source, blocks)
  if #list == 0 then source:fail("it holds no spectrum, only %d blocks of other kinds", #blocks) end
  local chosen, parameters, results = choose(source, list), parameters_of(source, blocks), {}
  for i, block in ipairs(chosen) do
    results[i] = read_block(source, block, list, parameters)
    if #chosen > 1 then
      results[i].columns, results[i].labels = { "block" }, { block = { block.name } }
    end
  end
  note_choice(source, list, chosen)
  return results
end

return opus
