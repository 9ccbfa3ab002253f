--- Excel workbooks: a sheet is read as a table of text is.
local core = require "moonbow.core"
local Source = require "moonbow.spectra.source"
local shown = require "moonbow.shown"
local text = require "moonbow.spectra.formats.text"
local workbook = require "moonbow.spectra.workbook"
local worksheet = require "moonbow.spectra.worksheet"

local xlsx = { name = "xlsx", title = "an Excel workbook" }

local OLE = "\208\207\17\224\161\177\26\225"
local BOOK, ENCRYPTED = "W\0o\0r\0k\0b\0o\0o\0k", "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e"

-- Returns why an OLE file is refused; nil if it is none of Excel.
local function ole_reason(source)
  if source.bytes:sub(1, #OLE) ~= OLE then return nil end
  if source.bytes:find(ENCRYPTED, 1, true) then return "is encrypted; save it without a password" end
  return source.bytes:find(BOOK, 1, true) and "is an old Excel workbook (.xls), which is not read; save it as .xlsx"
end

function xlsx.matches(source) return workbook.is(source) or not not ole_reason(source) end

-- Cells that show percents hold fractions: 0.45 is shown as 45%, also below "Transmittance (%)".
local function check_percent(source, blocks, percents)
  local values, is_stated = 0, false
  for _, block in ipairs(blocks) do
    values, is_stated = values + core.count(block.y), is_stated or block.percent
  end
  if percents < values or not is_stated then return end
  for _, block in ipairs(blocks) do block.percent = nil end
  source:note "the cells show percents, so their values are fractions"
end

-- Returns the blocks of a sheet; nil if it is empty; nil and a message if it is no table of spectra.
local function read_sheet(source, book, sheet)
  local content, filled, percents = worksheet.text(source, book, sheet)
  if filled == 0 then return nil end
  local options = setmetatable({ block = false, separator = "\t", decimal = source.options.decimal or ".",
    comment = source.options.comment or "" }, { __index = source.options })
  source:wanted "axis" -- as a text heeds it
  local lines = Source.of(content, source.path, options)
  local blocks, message = Source.try(text.read, lines)
  if not blocks then return nil, ("sheet %s: %s"):format(sheet.name, message) end
  for _, note in ipairs(lines.notes) do source:note("%s", note) end
  check_percent(source, blocks, percents)
  for _, block in ipairs(blocks) do
    block.metadata = block.metadata or {}
    block.metadata.sheet = sheet.name
  end
  return blocks
end

-- Returns the sheets that may be read: all, or the one that options.block gives by number or name.
local function chosen(source, sheets, names)
  local block = source:wanted "block"
  if block == nil then return sheets end
  for i, sheet in ipairs(sheets) do
    if i == block or sheet.name == block then return { sheet } end
  end
  source:fail("block = %s: no such sheet; there are %s", block, shown.list(names))
end

function xlsx.read(source)
  local reason = ole_reason(source)
  if reason then source:fail("%s", reason) end
  local sheets, book = workbook.open(source)
  local names, failure = {}, nil
  for i, sheet in ipairs(sheets) do names[i] = sheet.name end
  for _, sheet in ipairs(chosen(source, sheets, names)) do
    local blocks, message = read_sheet(source, book, sheet)
    if blocks then
      if #sheets > 1 then
        source:note('of the sheets %s, %s is read; block = "NAME" reads another', shown.list(names), sheet.name)
      end
      return blocks
    end
    failure = failure or message
  end
  source:fail("%s", failure or "its sheets are empty")
end

return xlsx
