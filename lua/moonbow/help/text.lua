--- Entries as text for a terminal.
local check = require "moonbow.check"

local text = {}

text.width = 100 -- of lines

--- Wraps words in lines of at most text.width characters, indented by blanks; the first line begins with a head.
local function wrap(words, indent, head)
  local lines, line = {}, head or (" "):rep(indent)
  for word in words:gmatch "%S+" do
    if #line > indent and utf8.len(line) + utf8.len(word) >= text.width then
      lines[#lines + 1], line = line, (" "):rep(indent)
    end
    line = line .. (#line > indent and not line:find " $" and " " or "") .. word
  end
  lines[#lines + 1] = line:gsub("%s+$", "")
  return table.concat(lines, "\n")
end

--- A text in paragraphs: indented ones and lists unchanged, the others wrapped.
local function paragraphs(given)
  local shown = {}
  for paragraph in (given .. "\n\n"):gmatch "(.-)\n\n+" do
    shown[#shown + 1] = paragraph:find "^[%s-]" and paragraph:gsub("^", "  "):gsub("\n", "\n  ") or wrap(paragraph, 2)
  end
  return table.concat(shown, "\n\n")
end

local function show_value(value)
  if type(value) ~= "table" then return type(value) == "string" and ('"%s"'):format(value) or tostring(value) end
  local shown = {}
  for i, entry in ipairs(value) do shown[i] = show_value(entry) end
  for _, key in ipairs(#shown == 0 and check.sorted_keys(value) or {}) do
    shown[#shown + 1] = ("%s = %s"):format(key, show_value(value[key]))
  end
  return "{" .. table.concat(shown, ", ") .. "}"
end

--- The kinds of an option, and its default: "positive integer, 10", '"valid" or "same"'.
function text.of_option(option)
  local kinds = option.kinds and option.kinds:gsub("|", " or ")
  if option.names then kinds = '"' .. table.concat(option.names, '" or "') .. '"' end
  if option.required then return kinds .. ", required" end
  return option.default ~= nil and ("%s, %s"):format(kinds, show_value(option.default)) or kinds
end

-- A block of rows { name, kind, text } under a title; nothing if there are no rows.
local function block(lines, title, rows)
  if #rows == 0 then return end
  lines[#lines + 1] = "\n" .. title .. ":"
  for _, row in ipairs(rows) do
    lines[#lines + 1] = wrap(("(%s) %s"):format(row[2], row[3]):gsub("^%(%) ", ""), 8, "    " .. row[1] .. " ")
  end
end

--- Rows { name, type, text } of arguments, fields or results. The table of options has rows of its own.
function text.rows(list)
  local rows = {}
  for _, item in ipairs(list or {}) do
    if not item.is_options then
      rows[#rows + 1] = { (item.name or "") .. (item.optional and "?" or ""), item.type, item.text }
    end
  end
  return rows
end

--- Rows { name, kinds and default, text } of options.
function text.option_rows(options)
  local rows = {}
  for i, option in ipairs(options) do rows[i] = { option.name, text.of_option(option), option.text or "" } end
  return rows
end

--- The title of an entry: its signature, or the name of a module or class.
function text.title(entry)
  if entry.signature then return entry.signature end
  if entry.kind == "module" or entry.kind == "value" then return "mb." .. entry.path end
  return entry.path
end

--- All of an entry.
function text.of_entry(entry)
  local module = "moonbow." .. entry.file:gsub("%.lua$", ""):gsub("/", ".")
  local lines = { ("%s    [%s, in %s]"):format(text.title(entry), entry.topic, module) }
  if entry.text ~= "" then lines[2] = "\n" .. paragraphs(entry.text) end
  block(lines, "Arguments", text.rows(entry.parameters))
  block(lines, "Options", text.option_rows(entry.options))
  block(lines, "Fields", text.rows(entry.fields))
  block(lines, "Returns", text.rows(entry.returns))
  if entry.usage then lines[#lines + 1] = "\nExample:\n    " .. entry.usage:gsub("\n", "\n    ") end
  if #entry.see > 0 then lines[#lines + 1] = "\nSee " .. table.concat(entry.see, ", ") end
  return table.concat(lines, "\n")
end

--- Appends the entries of a topic: functions in a line each, methods and names together, behind their class or kind.
function text.add_index(lines, entries, topic)
  local names, order = {}, {}
  for _, entry in ipairs(entries) do
    local is_line = entry.kind == "function" or entry.kind == "value" or entry.kind == "module"
    if entry.topic == topic and is_line then lines[#lines + 1] = text.line(entry) end
    if entry.topic == topic and not is_line and entry.kind ~= "class" then
      if not names[entry.module] then order[#order + 1], names[entry.module] = entry.module, {} end
      table.insert(names[entry.module], entry.name)
    end
  end
  for _, module in ipairs(order) do
    lines[#lines + 1] = wrap(table.concat(names[module], " "), 4, ("  %s: "):format(module))
  end
end

--- An entry in a line.
function text.line(entry)
  local name = entry.kind == "method" and entry.path or text.title(entry):match "^[^({]+"
  local line = ("  %-30s %s"):format(name, entry.summary)
  if utf8.len(line) > text.width then line = line:sub(1, (utf8.offset(line, text.width - 3))) .. "..." end
  return check.printable(line)
end

return text
