-- Every file of the index of instruments is read with the numbers of the index, or refused by its variant's name; where
-- the index is wrong, or holds something else, the reason stands here. Twins, one measurement in two forms, are equal.
local core = require "moonbow.core"
local mb = require "moonbow"
local index = require "support.instrument_index"
local measured = require "support.measured"

local folder, missing = measured "instrument_files"

-- What is not read, with the end of the message.
local refused = {
  ["renishaw_wxd/PST_Reflex532_Z050_010_10000msx2.wxd"] = "is a Renishaw WiRE 1 file (.wxd), which is not read; open "
    .. "it in WiRE and save it as .wdf or text",
  ["jcamp/simple.jdx"] = "JCAMP-DX without a table of data, in 5 blocks", -- the index says the same
  ["mat/only_annotations.mat"] = "it holds no spectra: M (text)",
  ["hdf5/simple_signal.nxs"] = "/entry1/rocks holds images of 15 x 1 x 40 x 40 points, no spectra",
  ["witec_txt/Size.txt"] = "a list of maps with their sizes: it holds no spectra",
  ["witec_wip/Si-data.WIP"] = "is a WITec project (.wip), which is not read; export the spectra as text or .mat",
}

-- What the index says otherwise, and why.
local differs = {
  -- The index' reader took the exponent of the first spectrum, -1, for 0; see spectra_spc_spec.lua.
  ["spc/m_evenz.spc"] = "y_min y_max y_sum",
  -- The index holds the <counts> as stored; they have to be multiplied by the attenuation, see spectra_xrdml_spec.lua.
  ["xrdml/XRDML_alt.xrdml"] = "y_first y_max y_sum",
  -- The index has the end of the program; the header of the range states 91.045, see spectra_raw_spec.lua.
  ["stoe_raw/stoe.raw"] = "x_last",
  -- The index' reader took the line "1 0 0" above the numbers for a point.
  ["perkinelmer_txt/flu1.txt"] = "points x_first y_first y_min",
  -- A pole figure: 21 spectra along beta, which the index counts as one.
  ["seifert_nja/seifert-111.nja"] = "points spectra y_last y_max y_min y_sum",
}

local function names_of(differences)
  local names = {}
  for i, text in ipairs(differences) do names[i] = text:match "^[^:]*" end
  return table.concat(names, " ")
end

local function sorted(words)
  local list = {}
  for word in words:gmatch "%S+" do list[#list + 1] = word end
  table.sort(list)
  return table.concat(list, " ")
end

describe("the file of an instrument", function()
  if not folder then return pending(missing) end
  for _, entry in ipairs(index.entries(folder)) do
    it(entry.file, function()
      local path = folder .. "/" .. entry.file
      local spectra, err = mb.spectra.read(path)
      if refused[entry.file] then
        assert.is_nil(spectra)
        return assert.equal(("%s: %s"):format(path, refused[entry.file]), err)
      end
      assert(spectra, err)
      local found = type(entry.reference) == "table" and index.differences(spectra, entry.reference) or {}
      assert.equal(sorted(differs[entry.file] or ""), sorted(names_of(found)), table.concat(found, "\n"))
    end)
  end
end)

-- Pairs, with the greatest difference of values, by the greatest value, and of the axis, by its step. The header
-- of synthetic_nirs.csv has rounded positions, as have the lines of BT86_.UXD.
local twins = {
  { "bruker_raw/BT86.raw", "uxd/BT86_.UXD", 0, 0.35 },
  { "bruker_raw/D5000_1.RAW", "xy/D5000_1.xy", 0, 1e-3 },
  { "bruker_raw/D5000_2.RAW", "xy/D5000_2.xy", 0, 1e-3 },
  { "bruker_brml/test.brml", "jcamp/test.jdx", 0, 1e-3 },
  { "rigaku_ras/rigaku_test.ras", "rigaku_ras/MB120718Si3.ras", 0, 0 },
  { "rigaku_ras/XRD_RIGAKU.ras", "rigaku_ras_twin_csv/XRD_RIGAKU.csv", 0, 0 },
  { "xrdml/XRD-918-16_10.xrdml", "hdf5/xrdml_918-16_10_ref.nxs", 0, 1e-3 },
  { "labspec_l6/AlN_Gd2O3_indepth.l6m", "labspec_txt/Gd2O3_AlN_map_data.txt", 1e-5, 1e-2 },
  { "witec_txt/Witec-Map_full.txt", "witec_txt/Witec-Map_no.txt", 0, 0 },
  { "agilent/4_noimage_agg256.hdr", "agilent/4_noimage_agg256.dat", 0, 1e-2 },
  { "synthetic_twin_csv/synthetic_nirs.csv", "envi/synthetic_lib.hdr", 1e-6, 0.1 },
  { "synthetic_twin_csv/synthetic_nirs.csv", "envi/synthetic_lib.sli", 1e-6, 0.1 },
  { "synthetic_twin_csv/synthetic_nirs.csv", "mat/synthetic_nirs_v5.mat", 1e-6, 0.1 },
  { "synthetic_twin_csv/synthetic_nirs.csv", "mat/synthetic_nirs_v73.mat", 1e-6, 0.1 },
  { "synthetic_twin_csv/synthetic_nirs.csv", "hdf5/synthetic_nirs.h5", 1e-6, 0.1 },
  { "synthetic_twin_csv/synthetic_nirs.csv", "xlsx/synthetic_nirs.xlsx", 1e-6, 0.1 },
}

local function greatest(x) return core.totable(core.reshape(core.max(core.reshape(core.abs(x), -1), 1), 1))[1] end

-- Files write the same number with more digits or fewer.
local function is_same_label(a, b)
  local x, y = tonumber(a), tonumber(b)
  return a == b or x and y and math.abs(x - y) <= 1e-12 * math.abs(x) or false
end

describe("the twins", function()
  if not folder then return pending(missing) end
  for _, twin in ipairs(twins) do
    it(twin[1] .. " and " .. twin[2] .. " are equal", function()
      local a = assert(mb.spectra.read(folder .. "/" .. twin[1]))
      local b = assert(mb.spectra.read(folder .. "/" .. twin[2]))
      if a.direction ~= b.direction then b = b:flip() end
      assert.same(a.x:shape(), b.x:shape())
      local most = greatest(core.sub(a.x, b.x))
      assert.is_true(most <= twin[3] * greatest(a.x), ("values differ by %g"):format(most))
      local step = math.abs(a.axis[#a.axis] - a.axis[1]) / #a.axis
      for i, value in ipairs(a.axis) do
        assert.is_true(math.abs(value - b.axis[i]) <= twin[4] * step,
          ("point %d of the axis: %.9g, %.9g"):format(i, value, b.axis[i]))
      end
      for column, cells in pairs(a.labels) do
        for i, cell in ipairs(b.labels[column] or {}) do assert.is_true(is_same_label(cells[i], cell), column) end
      end
    end)
  end
end)
