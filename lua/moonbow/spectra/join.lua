--- Labels of a table beside the spectra.
local check = require "moonbow.check"
local shown = require "moonbow.shown"
local fields = require "moonbow.spectra.fields"
local label_numbers = require "moonbow.spectra.label_numbers"
local label_table = require "moonbow.spectra.label_table"
local set = require "moonbow.spectra.set"

local Spectra = set.class

local MOST_NAMED = 5

-- What a key of a table may say for a file: its path, or the end of it, with the suffix of the file or without.
local function keys_of_file(path)
  local keys = {}
  local tail = path:gsub("\\", "/")
  while tail do
    local bare = tail:gsub("%.[gG][zZ]$", "")
    table.move({ tail, bare, (bare:gsub("(.)%.[^./]*$", "%1")) }, 1, 3, #keys + 1, keys)
    tail = tail:match "/(.*)$"
  end
  return keys
end

local function folder_of(path) return path:gsub("/+[^/]*$", ""):match "[^/]*$" end

--- The name of the folder in which each spectrum's file is; that of the working folder is ".".
function set.folders(spectra)
  local list = {}
  for i, path in ipairs(spectra.sources) do list[i] = path:find "/" and folder_of(path) or "." end
  return list
end

-- Returns a function(i) that lists what the table may call spectrum i.
local function keys_by(spectra, by)
  if by == "file" then return function(i) return keys_of_file(spectra.sources[i]) end end
  local list = by == "name" and spectra.names or by == "folder" and set.folders(spectra) or spectra.labels[by]
  if list then return function(i) return { list[i] } end end
  check.name("join", "by", by, table.move(spectra.columns, 1, #spectra.columns, 5, { "file", "name", "folder", "row" }))
end

-- The column of the table that holds the keys.
local function key_column(tab, options)
  if options.key then return check.name("join", "key", options.key, tab.columns) end
  if tab.cells[options.by] then return options.by end
  if tab.name ~= "the table" then return tab.columns[1] end
  check.fail("join", "key: expected the name of the column that names the spectra, one of '%s'",
    table.concat(tab.columns, "', '"))
end

-- Returns the row of each key, or nil and a message.
local function index_of(tab, key)
  local index, double = {}, {}
  for row, text in ipairs(tab.cells[key]) do
    text = text:gsub("\\", "/"):gsub("^%./", "")
    if index[text] then double[#double + 1] = ("%s (rows %d and %d)"):format(check.show(text), index[text], row) end
    index[text] = index[text] or row
  end
  if #double == 0 then return index end
  return nil, ("%s: keys that stand in it twice: %s"):format(check.printable(tab.name), shown.list(double, MOST_NAMED))
end

-- Returns the rows that keys name, each once, that of the first key first.
local function rows_in(index, keys)
  local rows, seen = {}, {}
  for _, key in ipairs(keys) do
    local row = index[key]
    if row and not seen[row] then rows[#rows + 1], seen[row] = row, true end
  end
  return rows
end

-- Returns nil and a message if a row labels nothing because another one names its spectrum more exactly: "scan2" beside
-- "scan2.csv". passed: { [row] = the row that was taken instead }
local function check_passed(tab, key, passed, used)
  local cells, double = tab.cells[key], {}
  for row = 1, #cells do
    if passed[row] and not used[row] then
      double[#double + 1] = ("%s and %s (rows %d and %d)"):format(check.show(cells[row]),
        check.show(cells[passed[row]]), row, passed[row])
    end
  end
  if #double == 0 then return true end
  return nil, ("%s: keys that name the same spectrum: %s"):format(check.printable(tab.name),
    shown.list(double, MOST_NAMED))
end

-- Returns nil and a message if a row names several files: of equal names in different folders, or with different
-- suffixes.
local function check_files(spectra, tab, key, rows)
  local first, several, is_listed = {}, {}, {}
  for i, row in ipairs(rows) do
    local path = spectra.sources[i]
    first[row] = first[row] or path
    if first[row] ~= path and not is_listed[row] then
      is_listed[row] = true
      several[#several + 1] = ("%s (row %d): %s and %s"):format(check.show(tab.cells[key][row]), row, first[row], path)
    end
  end
  if #several == 0 then return true end
  return nil, ("%s: keys that name several files: %s; give each file a row, with folders before its name or the suffix "
    .. "behind it"):format(check.printable(tab.name), check.printable(shown.list(several, MOST_NAMED)))
end

local function find_rows(spectra, tab, options, key)
  local keys = keys_by(spectra, options.by)
  local index, why = index_of(tab, key)
  if not index then return nil, why end
  local rows, missing, used, passed = {}, {}, {}, {}
  for i = 1, #spectra do
    local names = keys(i)
    local named = rows_in(index, names)
    rows[i] = named[1]
    if rows[i] then used[rows[i]] = true
    else missing[#missing + 1] = check.show(options.by == "file" and names[1]:match "[^/]*$" or names[1]) end
    for k = 2, #named do passed[named[k]] = named[1] end
  end
  if #missing > 0 then
    return nil, ("%s: column %s names no row for %d of %s: %s; its keys are %s"):format(check.printable(tab.name),
      check.show(key), #missing, check.show_count(#spectra, "spectrum", "spectra"), shown.list(missing, MOST_NAMED),
      check.printable(shown.list(tab.cells[key], MOST_NAMED)))
  end
  local ok, double = check_passed(tab, key, passed, used)
  if ok and options.by == "file" then ok, double = check_files(spectra, tab, key, rows) end
  if not ok then return nil, double end
  return rows, used
end

local function all_rows(spectra, tab)
  local count, rows = #tab.cells[tab.columns[1]], {}
  if count ~= #spectra then
    return nil, ("%s: %s of labels for %s"):format(check.printable(tab.name), check.show_count(count, "row"),
      check.show_count(#spectra, "spectrum", "spectra"))
  end
  for i = 1, count do rows[i] = i end
  return rows
end

-- Returns the notes of the set, those on the table, and one on rows that were not used.
local function all_notes(spectra, tab, used)
  local count = 0
  for row = 1, #tab.cells[tab.columns[1]] do count = count + (used and not used[row] and 1 or 0) end
  local notes = table.move(spectra.notes, 1, #spectra.notes, 1, {})
  local function add(note) notes[#notes + 1] = ("%s: %s"):format(check.printable(tab.name), note) end
  for _, note in ipairs(tab.notes) do add(note) end
  if count > 0 then add(check.show_count(count, "row") .. " without a spectrum") end
  return notes
end

-- The columns of the table but that of the keys; nil and a message if the set has one of them.
local function new_columns(spectra, tab, key)
  local columns = {}
  for _, column in ipairs(tab.columns) do
    if column ~= key then
      if spectra.labels[column] then
        return nil, ("%s: the spectra have a label %s already"):format(check.printable(tab.name), check.show(column))
      end
      columns[#columns + 1] = column
    end
  end
  return columns
end

-- The cells of a column in the order of the spectra, given the row of each.
local function cells_at(cells, rows, decimal)
  local list = {}
  for i, row in ipairs(rows) do list[i] = cells[row] end
  return label_numbers.part(list, cells, decimal)
end

local known_options = { by = check.default("file", "string"), key = check.optional "string",
  decimal = check.optional "string" }

--- Adds the labels in a table, whose rows are found by names.
--
-- By file, a key of the table is the name of the file, with its suffix or without, perhaps with folders before it. A
-- key that stands twice in the table, two keys for the same spectrum, a key that names several files, or a spectrum
-- without a row, are refused with the names; rows without a spectrum are noted. One row may hold the labels of several
-- spectra of a file, or with the same name, folder or label.
-- @param labels string|table the path of a text file, or of a workbook (.xlsx), with a header line; or columns
--   { file = { ... }, mineral = { ... } }, or rows { { file = "a.txt", mineral = "calcite" }, ... }
-- @option by what a row names: the "file", the "name" of the spectrum, the "folder" of the file, a label of the set; or
--   "row": one row for each spectrum, in order; the table may then have a single column
-- @option key the column of the table with these names; the one called as `by`, else the first of a file
-- @option decimal sign of numbers among the labels, "." or ",": with ".", 1.125 beside 900 is no 1125
-- @return spectra the set; or nil and a message
-- @usage assert(spectra:join("by_sample.csv", { by = "sample" }))
function Spectra:join(labels, options)
  options = check.options("join", options, known_options)
  if options.decimal then check.name("join", "decimal", options.decimal, { ".", "," }) end
  local tab, err = label_table.read("join", check.kind("join", "labels", labels, "string|table"),
    options.by == "row")
  if not tab then return nil, err end
  local key = options.by ~= "row" and key_column(tab, options) or nil
  local columns, why = new_columns(self, tab, key)
  if not columns then return nil, why end
  local rows, used
  if key then rows, used = find_rows(self, tab, options, key) else rows, used = all_rows(self, tab) end
  if not rows then return nil, used end
  local given = {}
  for _, column in ipairs(columns) do given[column] = cells_at(tab.cells[column], rows, options.decimal) end
  local all, order = fields.add_labels("join", self, given, columns)
  return set.like(self, { labels = all, columns = order, notes = all_notes(self, tab, used) })
end

check.takes(Spectra.join, 2, known_options)
