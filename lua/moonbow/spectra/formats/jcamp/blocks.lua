--- The blocks of JCAMP-DX, from ##TITLE to ##END, which LINK blocks hold, and the data tables in them.
--
-- A block is { labels, records, between, count }: records, which are labels by their keys, too, stand in front of its
-- first table and behind its last, between[k] in front of table k, and count is the number of tables. A table is
-- { kind, record, block, labels, index, page, ntuples, is_last }: labels are those right in front of it, and else those
-- of its block; page is the text of ##PAGE with the labels below it, ntuples the labels of ##NTUPLES; both are nil in
-- other blocks.
local records = require "moonbow.spectra.formats.jcamp.records"

local blocks = {}

local kinds = { XYDATA = true, XYPOINTS = true, RADATA = true, DATATABLE = true, PEAKTABLE = true, ASSIGNMENTS = true,
  PEAKASSIGNMENTS = true }

local function keep(labels, record)
  if not labels[record.key] then labels[record.key] = record end
end

local step = {}

function step.TITLE(state, record)
  local block = { labels = {}, records = {}, between = {}, count = 0, parent = state.block }
  state.block, state.ntuples, state.page = block, nil, nil
  table.insert(state.blocks, block)
  keep(block.labels, record)
end

function step.END(state)
  state.block, state.ntuples, state.page = state.block.parent, nil, nil
end

function step.NTUPLES(state) state.ntuples, state.page = {}, nil end

function step.ENDNTUPLES(state) state.ntuples, state.page = nil, nil end

function step.PAGE(state, record) state.page = { text = record.head, labels = {} } end

-- What belongs together: a table that has some of these has none from its block, where they are of another table.
local range = {}
for key in ("FIRSTX LASTX DELTAX MINX MAXX FIRSTY LASTY MINY MAXY FIRSTR LASTR DELTAR FIRSTA MINA MAXA NPOINTS")
  :gmatch "%S+" do
  range[key] = true
end

-- The labels of the table that comes next.
local function labels_of(block)
  local between = block.between[block.count + 1]
  if not between then return block.labels end
  local labels, has_range = {}, false
  for _, record in ipairs(between) do
    keep(labels, record)
    has_range = has_range or range[record.key]
  end
  for key in pairs(has_range and range or {}) do labels[key] = labels[key] or false end
  return setmetatable(labels, { __index = block.labels })
end

local function add_table(state, record)
  local page = state.page or { labels = {} }
  local block = state.block
  local labels = labels_of(block)
  block.count = block.count + 1
  table.insert(state.tables, { kind = record.key, record = record, block = block, labels = labels, index = block.count,
    page = page.text, page_labels = page.labels, ntuples = state.ntuples })
end

local function add_label(state, record)
  local block = state.block
  local following = block.count + 1
  local labels = state.page and state.page.labels or state.ntuples or block.count == 0 and block.labels
  if labels then keep(labels, record) end
  if state.ntuples then return end
  if block.count > 0 then block.between[following] = block.between[following] or {} end
  table.insert(block.between[following] or block.records, record)
end

-- What stands behind the last table of a block is said of all.
local function end_blocks(list)
  for _, block in ipairs(list) do
    local last = block.between[block.count + 1] or {}
    for _, record in ipairs(last) do keep(block.labels, record) end
    table.move(last, 1, #last, #block.records + 1, block.records)
  end
end

--- Returns { blocks, tables, is_ended }: is_ended is true if each block has its ##END.
function blocks.read(source)
  local list = records.read(source)
  local state = { blocks = {}, tables = {} }
  for i, record in ipairs(list) do
    if not state.block and record.key ~= "TITLE" then step.TITLE(state, { key = "TITLE", head = "" }) end
    if step[record.key] then
      step[record.key](state, record)
    elseif kinds[record.key] then
      add_table(state, record)
      state.tables[#state.tables].is_last = i == #list
    else
      add_label(state, record)
    end
  end
  state.is_ended = state.block == nil
  end_blocks(state.blocks)
  return state
end

return blocks
