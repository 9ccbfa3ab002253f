--- The lines of a text file; a file of another format is named.
local check = require "moonbow.check"

local document = {}

local CHUNK = 2 ^ 20 | 0
local MOST_BYTES = 2 ^ 30 | 0
local MOST_LINES = 10 ^ 7 | 0
local LONGEST_LINE = 2 ^ 24 | 0

local UTF16 = "UTF-16 text; save it as UTF-8"

-- First bytes of other formats, the name of the format, and advice.
local kinds = {
  { "\255\254", UTF16 }, { "\254\255", UTF16 },
  { "\31\139", "a gzip file; unpack it first (gunzip)" },
  { "BZh", "a bzip2 file; unpack it first (bunzip2)" },
  { "\2537zXZ\0", "an xz file; unpack it first (unxz)" },
  { "\40\181\47\253", "a Zstandard file; unpack it first (unzstd)" },
  { "\208\207\17\224\161\177\26\225", "an OLE file, such as an old .xls; save the sheet as CSV" },
  { "\137HDF\r\n\26\n", "an HDF5 file; write the spectra as text, or as .npy for mb.load_npy" },
  { "\147NUMPY", "a NumPy file; mb.load_npy reads it" },
  { "MATLAB 5.0 MAT-file", "a MATLAB file; write the spectra as text" },
  { "%PDF-", "a PDF document" },
  { "\10\10\254\254", "an OPUS file; export it as text (.dpt) in OPUS" },
  { "WDF1", "a Renishaw WDF file; export it as text in WiRE" },
}

local UTF16_STARTS = { "^" .. ("[\t-\r -~]\0"):rep(8), "^" .. ("\0[\t-\r -~]"):rep(8) }

local function is_jcamp(text)
  local name = text:match "^%s*##%s*([%w-]+)%s*="
  return name and (name:upper() == "TITLE" or name:upper():gsub("-", "") == "JCAMPDX")
end

-- Names the format of a file that is not a table of text; nil for text.
local function name_kind(text)
  for _, kind in ipairs(kinds) do
    if text:sub(1, #kind[1]) == kind[1] then return kind[2] end
  end
  local start = text:sub(1, 4096):gsub("^\239\187\191", "")
  if start:sub(1, 4) == "PK\3\4" then
    local office = start:find("[Content_Types].xml", 1, true) or start:find("xl/", 1, true)
    return office and "an Office document (.xlsx?); save the sheet as CSV" or "a zip archive; unpack it first (unzip)"
  end
  if is_jcamp(start) then return "a JCAMP-DX file; export it as columns of text" end
  if start:find "^%s*<[?!]" or start:find "^%s*<%a[%w:]*[%s>]" then
    return "XML or HTML; export the spectra as columns of text"
  end
  if start:find(UTF16_STARTS[1]) or start:find(UTF16_STARTS[2]) then return UTF16 end
  local nul = text:find("\0", 1, true)
  return nul and ("not text (byte %d is 0); export the spectra as text"):format(nul)
end

local function read_bytes(path)
  if path:find("\0", 1, true) then return nil, check.show(path) .. ": a path holds no NUL" end
  local file, err = io.open(path, "rb")
  if not file then return nil, err end
  local parts, count = {}, 0
  while true do
    local part, why = file:read(CHUNK)
    if not part then
      file:close()
      if why then return nil, ("%s: %s"):format(path, why) end
      return table.concat(parts)
    end
    parts[#parts + 1], count = part, count + #part
    if count > MOST_BYTES then
      file:close()
      return nil, ("%s: expected at most %d bytes"):format(path, MOST_BYTES)
    end
  end
end

local function check_line(line, number)
  if #line > LONGEST_LINE then return nil, ("line %d: expected at most %d bytes"):format(number, LONGEST_LINE) end
  local length, bad = utf8.len(line)
  if length then return true end
  return nil, ("line %d, byte %d: \\x%02X is not UTF-8 (is it Latin-1?); save the file as UTF-8"):format(number, bad,
    line:byte(bad))
end

-- Adds a line; returns nil and a message if it is refused.
local function add(lines, line, number, commented)
  if #lines == MOST_LINES then return nil, ("expected at most %d lines"):format(MOST_LINES) end
  if not commented then
    local ok, err = check_line(line, number)
    if not ok then return nil, err end
    lines.first = lines.first or #lines + 1
  end
  local n = #lines + 1
  lines[n], lines.numbers[n], lines.commented[n] = line, number, commented
  return true
end

local function split(text, sign, separator)
  local lines = { numbers = {}, commented = {}, empty = 0, margin = 0, bytes = #text, ends = text:sub(-1) == "\n" }
  local number, cell = 0, ("[^%%s,;%%%s]"):format(separator or ",")
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    if #lines == 0 and line:find '^sep=[^%w"+.-]$' then
      lines.separator = line:sub(-1)
    elseif not line:find(cell) then
      lines.empty = lines.empty + (line:find "%S" and 1 or 0)
    else
      local commented = sign ~= "" and line:match("^%s*(.*)$"):sub(1, #sign) == sign
      local ok, err = add(lines, line, number, commented)
      if not ok then return nil, err end
    end
  end
  return lines
end

-- Removes empty columns at the start, which tables from Office programs have: the separators with which all lines
-- begin. Below a comment, which may be the header, the first column may hold labels.
local function strip_margin(lines, separators)
  local first = lines[1]:sub(1, 1)
  if lines.commented[1] or not separators:find(first, 1, true) then return end
  local margin = math.huge
  for i, line in ipairs(lines) do
    if not lines.commented[i] then margin = math.min(margin, #line:match("^%" .. first .. "*")) end
  end
  for i, line in ipairs(lines) do
    if not lines.commented[i] then lines[i] = line:sub(margin + 1) end
  end
  lines.margin = margin
end

--- Reads the lines that hold a cell.
-- @param options of read_csv
-- @return a list of lines, with sign (which starts a comment), decided (true if such a line is always a comment),
--   numbers (of each in the file), commented (true for each that starts with the sign), first (the first that does
--   not), separator (from a first line "sep=;", as Excel writes it), empty (number of lines of separators alone),
--   margin (number of empty columns at the start, which are left out), ends (true if the last has its line break) and
--   bytes; or nil and a message, which names the format of a file that is not UTF-8 text
function document.read(path, options)
  local text, err = read_bytes(path)
  if not text then return nil, err end
  local kind = name_kind(text)
  if kind then return nil, ("%s: is %s"):format(path, kind) end
  text = text:gsub("\239\187\191", "") -- also within files that were concatenated
  if text:find("\r", 1, true) then text = text:gsub("\r\n?", "\n") end
  local sign = options.comment or "#"
  local lines, why = split(text, sign, options.separator)
  if not lines then return nil, path .. ": " .. why end
  lines.sign, lines.decided = sign, options.comment ~= nil
  if not lines.first then
    local comments = ("all lines start with %s; comment = \"\" reads them"):format(check.show(sign))
    return nil, ("%s: %s"):format(path, #lines > 0 and comments or "the file is empty")
  end
  strip_margin(lines, options.separator or ",;\t")
  return lines
end

return document
