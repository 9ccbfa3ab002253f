--- Powder patterns in CIF: _pd_meas_ and _pd_proc_ items, as one loop or as a range with a step, in one or several data
-- blocks.
local check = require "moonbow.check"
local columns = require "moonbow.spectra.columns"
local Source = require "moonbow.spectra.source"

local pdcif = { name = "pdcif", title = "a CIF with a powder pattern" }

-- In the order in which they are taken: item, kind of the values.
local VALUES = { { "_pd_meas_counts_total", "counts" }, { "_pd_meas_intensity_total", "intensity" },
  { "_pd_meas_intensity_net", "intensity" }, { "_pd_meas_counts_net", "counts" }, { "_pd_proc_intensity_total",
  "intensity" }, { "_pd_proc_intensity_net", "intensity" }, { "_pd_calc_intensity_total", "intensity" },
  { "_pd_calc_intensity_net", "intensity" } }

-- Item, name of the axis, unit.
local AXES = { { "_pd_meas_2theta_scan", "2theta", "deg" },
  { "_pd_proc_2theta_corrected", "2theta", "deg" }, { "_pd_meas_time_of_flight", "time of flight", "us" },
  { "_pd_proc_d_spacing", "d-spacing", "Å" }, { "_pd_proc_energy_incident", "energy", "eV" } }

local MOST_LISTED = 10 -- titles in a message

local RANGES = { "_pd_meas_2theta_range_", "_pd_proc_2theta_range_" }

local described = { "_pd_block_id", "_pd_calc_method", "_pd_instr_location", "_pd_meas_scan_method",
  "_diffrn_radiation_wavelength", "_diffrn_radiation_type", "_diffrn_radiation_probe", "_chemical_name_common",
  "_chemical_name_systematic", "_chemical_formula_sum", "_journal_name_full", "_journal_year",
  "_diffrn_ambient_temperature", "_pd_char_colour" }

function pdcif.matches(source)
  local head = "\n" .. source.bytes:sub(1, 65536)
  return head:find "[\r\n][ \t]*[Dd][Aa][Tt][Aa]_[^\r\n]" ~= nil
    and (head:find "[\r\n][ \t]*loop_" or head:find "[\r\n][ \t]*_%a") ~= nil
end

-- Returns the line at an offset, and the offset of the next.
local function next_line(text, at)
  local stop = text:find("\n", at, true) or #text + 1
  return text:sub(at, stop - 1), stop + 1
end

-- Returns the offset behind the line ";" that ends a text field.
local function skip_field(text, at)
  local _, last = text:find("\n;[^\n]*", at - 1)
  return last and last + 2 or #text + 1
end

-- Takes the names of a loop, which stand one in a line. Returns them and the offset behind.
local function take_names(text, at)
  local names = {}
  while at <= #text do
    local line, behind = next_line(text, at)
    local name = line:match "^%s*(_%S+)%s*$"
    if name then names[#names + 1] = name:lower() end
    if not name and line:find "%S" and not line:find "^%s*#" then break end
    at = behind
  end
  return names, at
end

-- True if the line at an offset begins what ends a loop.
local function ends_loop(text, at)
  local first = text:match("^[^%S\n]*([_lLdD])", at)
  if not first or first == "_" then return first ~= nil end
  local word = text:match("^[^%S\n]*(%a%a%a%a_)", at)
  return word ~= nil and (word:lower() == "loop_" or word:lower() == "data_")
end

-- Takes a loop: the names, and the offsets of its values. Returns it and the offset behind.
local function take_loop(text, from)
  local names, first = take_names(text, from)
  local at = first
  while at <= #text do
    local behind = (text:find("\n", at, true) or #text + 1) + 1
    if ends_loop(text, at) then break end
    at = text:find("^;", at) and skip_field(text, behind) or behind
  end
  return { names = names, first = first, last = at - 1 }, at
end

-- Takes the value of an item, which may stand in the next line. Returns it without quotes, and the offset behind.
local function take_value(text, value, behind)
  if value == "" then
    local line, after = next_line(text, behind)
    if not ends_loop(text, behind) and not line:find "^[;#]" then value, behind = columns.trim(line), after end
  end
  return value:match "^'(.*)'$" or value:match '^"(.*)"$' or value, behind
end

-- Reads one line, which begins no text field; returns the offset behind what was taken.
local function take(state, text, line, at, behind)
  local lower = line:lower()
  local title = lower:find "^%s*data_" and line:match "^%s*%a+_(%S*)"
  if title then
    state.block = { title = title, items = {}, loops = {} }
    table.insert(state.blocks, state.block)
  elseif state.block and lower:find "^%s*loop_" then
    local loop
    loop, behind = take_loop(text, at + #line:match "^%s*%a+_")
    table.insert(state.block.loops, loop)
  elseif state.block then
    local name, value = line:match "^%s*(_%S+)(.*)"
    if name then
      state.block.items[name:lower()], behind = take_value(text, columns.trim(value), behind)
    end
  end
  return behind
end

-- Returns the data blocks: { title, items = { name -> text }, loops = { names, first, last } }.
local function blocks_of(text)
  local state, at = { blocks = {} }, 1
  while at <= #text do
    local line, behind = next_line(text, at)
    at = line:find "^;" and skip_field(text, behind) or take(state, text, line, at, behind)
  end
  return state.blocks
end

local function place(names, wanted)
  for i, name in ipairs(names) do
    if name == wanted then return i end
  end
end

-- Returns the first of the loops that holds one of the items, the item's row in the list, and its place.
local function find(loops, rows)
  for _, row in ipairs(rows) do
    for _, loop in ipairs(loops) do
      local at = place(loop.names, row[1])
      if at then return loop, row, at end
    end
  end
end

-- Returns the columns at two places of a loop of numbers, by place: standard deviations "(3)" are left out, "." and
-- "?" are NaN.
local function columns_of(source, text, loop, what, at, other_at)
  local kept = {}
  for c = 1, #loop.names do kept[c] = c == at or c == other_at end
  local part = columns.part(text, math.min(loop.first, #text + 1), math.min(loop.last, #text), "n#(.")
  return columns.rows(source, part, kept, what)
end

local function number(text) return tonumber((text or ""):match "^[+-]?[%d.]+[eE]?[+-]?%d*") end

-- Returns the axis of a range; is_last: the file ends with the loop of the values.
local function range_of(source, block, count, what, is_last)
  for _, prefix in ipairs(RANGES) do
    local first, last = number(block.items[prefix .. "min"]), number(block.items[prefix .. "max"])
    local increment = number(block.items[prefix .. "inc"])
    if first and last then
      local announced = increment and (last - first) / increment + 1
      if announced and math.abs(announced - count) > 0.5 then
        if is_last and announced > count then source:cut(count, ("%.0f"):format(announced), "points of " .. what) end
        source:note("%s: %d points do not fill the range %g to %g with steps of %g; the step is taken", what, count,
          first, last, increment)
        last = first + (count - 1) * increment
      end
      return Source.even(first, last, count), "2theta", "deg"
    end
  end
  source:fail("%s: neither a list of positions nor a range is there", what)
end

-- Returns the values and their axis with its name and unit.
local function points_of(source, text, block, what)
  local loop, _, at = find(block.loops, VALUES)
  local other, row, axis_at = find({ loop }, AXES)
  if not other then other, row, axis_at = find(block.loops, AXES) end
  local read = columns_of(source, text, loop, what, at, other == loop and axis_at)
  local values = read[at]
  columns.check_count(source, #values, number(block.items._pd_meas_number_of_points), what)
  if not other then return values, range_of(source, block, #values, what, loop.last >= #text) end
  if other ~= loop then read = columns_of(source, text, other, what, axis_at) end
  local x = read[axis_at]
  if #x ~= #values then source:fail("%s: %d positions for %d values", what, #x, #values) end
  return values, x, row[2], row[3]
end

local function read_block(source, text, block)
  local what = "data_" .. block.title
  local _, row = find(block.loops, VALUES)
  local values, x, axis, unit = points_of(source, text, block, what)
  local metadata = {}
  for _, name in ipairs(described) do
    local value = columns.metadata(block.items[name] or "")
    if value ~= "?" and value ~= "." then metadata[name] = value end
  end
  return { x = x, y = columns.values(source, values, what), axis = axis, unit = unit, quantity = row[2],
    decided = row[1], metadata = metadata, names = { block.title } }
end

local NO_PATTERN = "a CIF without a powder pattern (_pd_meas_, _pd_proc_ or _pd_calc_ items); "
  .. "mb.xrd.read reads structures"

function pdcif.read(source)
  local text, found, titles = source:take_text(), {}, {}
  for _, block in ipairs(blocks_of(text)) do
    if find(block.loops, VALUES) then found[#found + 1], titles[#titles + 1] = block, check.show(block.title) end
  end
  if #found == 0 then source:fail(NO_PATTERN) end
  local wanted, blocks = source:wanted "block", {}
  for i, block in ipairs(found) do
    if not wanted or wanted == i or wanted == block.title then
      blocks[#blocks + 1] = read_block(source, text, block)
    end
  end
  if #blocks == 0 then
    local listed = table.concat(titles, ", ", 1, math.min(#titles, MOST_LISTED))
    source:fail("block = %s: the patterns are %s", check.show(wanted), listed)
  end
  return blocks
end

return pdcif
