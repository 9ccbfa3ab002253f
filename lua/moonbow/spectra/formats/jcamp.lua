--- JCAMP-DX 4.24 to 6: spectra and peak tables of one block, of LINK blocks, and of NTUPLES.
local check = require "moonbow.check"
local blocks = require "moonbow.spectra.formats.jcamp.blocks"
local lines = require "moonbow.spectra.formats.jcamp.lines"
local meaning = require "moonbow.spectra.formats.jcamp.meaning"
local ntuples = require "moonbow.spectra.formats.jcamp.ntuples"
local records = require "moonbow.spectra.formats.jcamp.records"
local shift = require "moonbow.spectra.formats.jcamp.shift"
local tables = require "moonbow.spectra.formats.jcamp.tables"
local units = require "moonbow.spectra.units"

local jcamp = { name = "jcamp", title = "JCAMP-DX" }

local HEAD = 8192 -- bytes in which the first labels stand
local FEWEST_POINTS = 8 -- of a curve

--- The first label is ##TITLE or ##JCAMP-DX.
function jcamp.matches(source)
  local head = "\n" .. source.bytes:sub(1, HEAD):gsub("^\239\187\191", ""):gsub("^[\254\255][\254\255]", "")
  local name = head:gsub("%z", ""):match "[\r\n][ \t]*##([^\r\n=]*)="
  local key = name and records.key(name)
  return key == "TITLE" or key == "JCAMPDX"
end

local function title_of(entry)
  local title = entry.block.labels.TITLE
  return title and title.head or ""
end

-- Names the tables for a message: "1 'sample a', 2 'sample b'"; at most ten.
local function listed(entries)
  local parts = {}
  for i = 1, math.min(#entries, 10) do parts[i] = ("%d '%s'"):format(i, title_of(entries[i]):sub(1, 40)) end
  return table.concat(parts, ", ") .. (#entries > 10 and ", ..." or "")
end

-- Leaves out tables of a kind if there are others; a note says so.
local function without(source, entries, is_of_kind, kind)
  local others = {}
  for _, entry in ipairs(entries) do
    if not is_of_kind(entry) then others[#others + 1] = entry end
  end
  if #others == 0 or #others == #entries then return entries end
  source:note("left out: %s of %s; block = a number reads one", check.show_count(#entries - #others, "table", "tables"),
    kind)
  return others
end

local function without_fids(source, entries)
  return without(source, entries, meaning.is_fid, "free induction decays")
end

-- Returns the tables that options.block names: by number, title, page or symbol.
local function chosen(source, entries, wanted)
  if math.type(wanted) then
    if entries[wanted] then return { entries[wanted] } end
    source:fail("block = %d: it holds %d tables: %s", wanted, #entries, listed(entries))
  end
  local found = {}
  for _, entry in ipairs(entries) do
    if wanted == title_of(entry) or wanted == entry.page or wanted:upper() == entry.shape.y.symbol then
      found[#found + 1] = entry
    end
  end
  if #found == 0 then source:fail("block = '%s': it holds %d tables: %s", wanted, #entries, listed(entries)) end
  return without_fids(source, found)
end

-- Leaves out peak tables if there are curves, signals over time of NMR if there are spectra, and all but the first
-- dependent variable of NTUPLES.
local function of_one_kind(source, entries)
  entries = without(source, entries, tables.is_sticks, "peaks")
  return ntuples.first_variable(source, without_fids(source, entries))
end

-- Tables of peaks hold curves, too, in files of programs that write no other form.
local function note_peaks(source, entry, xs)
  local step = (xs[#xs] - xs[1]) / (#xs - 1)
  for i = 2, #xs do
    if #xs < FEWEST_POINTS or math.abs(xs[i] - xs[i - 1] - step) > 0.5 * math.abs(step) then
      return source:note "the points are peaks, with nothing between them"
    end
  end
  if #xs > 1 then source:note("a %s with even steps is taken as a curve", entry.record.name) end
end

local function block_of(source, entry, budget)
  local xs, ys, texts = tables.read(source, entry, entry.shape, budget)
  if tables.is_sticks(entry) then note_peaks(source, entry, xs) end
  local unit, name = meaning.axis(source, entry, entry.shape.x)
  local quantity, percent, decided = meaning.values(entry, entry.shape.y, ys)
  local metadata = meaning.metadata(source:as_text(), entry)
  if source.options.ppm and unit == "Hz" then xs, unit, name = shift.to_ppm(source, xs, metadata), units.axis "ppm" end
  metadata.assignments = texts
  local columns, labels = meaning.labels(source:as_text(), entry.block)
  local title = title_of(entry)
  return { x = xs, y = ys, axis = name, unit = unit, quantity = quantity, percent = percent, decided = decided,
    names = title ~= "" and { title } or nil, metadata = metadata,
    columns = columns, labels = labels }
end

-- A file with fewer blocks than its LINK block announces is cut off, or was edited.
local function check_link(source, found)
  local first = found.blocks[1]
  local announced = first and first.labels.BLOCKS and math.tointeger(tonumber(first.labels.BLOCKS.head) or 0)
  if not announced or announced == #found.blocks - 1 or announced == #found.blocks then return end
  if not found.is_ended and announced > #found.blocks - 1 then
    source:cut(#found.blocks - 1, announced, "blocks")
  else
    source:note("the file announces %d blocks, %d are there", announced, #found.blocks - 1)
  end
end

--- Reads the tables of a file.
function jcamp.read(source)
  local found = blocks.read(source)
  if #found.tables == 0 then
    source:fail("JCAMP-DX without a table of data, in %d blocks%s", #found.blocks,
      found.is_ended and "" or "; the file ends without ##END=")
  end
  for _, entry in ipairs(found.tables) do entry.shape = tables.shape(source, entry) end
  check_link(source, found)
  meaning.limit(source, found.blocks)
  if found.tables[1].ntuples then ntuples.check_pages(source, found.tables) end
  ntuples.forget_first(found.tables)
  local wanted = source:wanted "block"
  local entries = wanted and chosen(source, found.tables, wanted) or of_one_kind(source, found.tables)
  local budget = { left = source.size + lines.MOST_REPEATED }
  if entries[1].ntuples then return ntuples.read(source, entries, budget, block_of) end
  local list = {}
  for i, entry in ipairs(entries) do list[i] = block_of(source, entry, budget) end
  return list
end

return jcamp
