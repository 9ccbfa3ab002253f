-- Runs the examples of a page of documentation in order, and compares their output with the page.
--
--   examples.lua PAGE              prints what differs, and exits with 1 if something does
--   examples.lua PAGE --write      writes what was printed into the page
--   examples.lua PAGE --patched    runs the examples marked "patched" instead: those that need the page's own changes
--
-- An example is a fenced block of ```lua, run as a whole, or of ```prompt, typed line by line ("> ", and ">> " if a
-- statement continues). Its output is below each line of a prompt, or in a block ```text right below a script; the
-- output of a script without one is not compared. All examples of a page share their globals, as at a prompt: mb and nn
-- are defined. The page runs in the current folder, an experiment in it with --quick.
local examples = {}

-- ---- reading a page ----

--- Returns blocks { language, about (the word behind it), first (the line of ```), lines } of a page's text.
function examples.blocks(text)
  local blocks, block, number = {}, nil, 0
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    local language, about = line:match "^```(%w*) ?([%w_./]*)$"
    if block and line == "```" then
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.lines[#block.lines + 1] = line
    elseif language then
      block = { language = language, about = about, first = number, lines = {} }
    end
  end
  return blocks
end

-- Returns { code, output = lines } for each statement of a prompt.
local function statements(block)
  local list = {}
  for _, line in ipairs(block.lines) do
    local mark, code = line:match "^(>>?) ?(.*)$"
    if mark == ">" then
      list[#list + 1] = { code = code, source = { line }, output = {} }
    elseif mark == ">>" then
      local last = list[#list]
      last.code, last.source[#last.source + 1] = last.code .. "\n" .. code, line
    else
      table.insert(list[#list].output, line)
    end
  end
  return list
end

-- ---- running ----

local function lines_of(text)
  local lines = {}
  text = text:gsub("\t", "  ") -- no tabs in a page
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  if not text:find "\n$" and text ~= "" then lines[#lines + 1] = text:match "[^\n]*$" end
  return lines
end

-- Runs f and collects all that it prints and writes to standard output in a list of lines.
local function printed(f)
  local parts, original_print, original_io = {}, print, io
  local function write(...)
    for _, part in ipairs { ... } do parts[#parts + 1] = tostring(part) end
  end
  function _G.print(...) -- luacheck: ignore
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    write(table.concat(words, "\t"), "\n")
  end
  _G.io = setmetatable({ write = write }, { __index = original_io }) -- luacheck: ignore
  local results = table.pack(pcall(f))
  _G.print, _G.io = original_print, original_io -- luacheck: ignore
  return lines_of(table.concat(parts)), results
end

-- Runs a statement as at the prompt of moonbow: shows the values of an expression, and the message of an error.
local function type_in(code)
  local show = require "moonbow.prompt.show"
  local chunk, err = load("return " .. code, "=stdin")
  if not chunk then chunk, err = load(code, "=stdin") end
  if not chunk then return { err } end
  return (printed(function()
    local results = table.pack(pcall(chunk))
    if not results[1] then
      print((tostring(results[2]):gsub("^[%w/._-]+:%d+: ", "")))
    elseif results.n > 1 then
      for i = 2, results.n do results[i] = show(results[i]) end
      print(table.unpack(results, 2, results.n))
    end
  end))
end

local function run_script(block)
  local chunk, err = load(table.concat(block.lines, "\n"), "=line " .. block.first)
  if not chunk then return {}, err end
  local output, results = printed(chunk)
  return output, not results[1] and tostring(results[2]) or nil
end

-- ---- comparing ----

-- Numbers with a decimal point agree within 2 % or 0.02, since processors round differently; blanks count as one.
local function same_word(expected, got)
  local a, b = tonumber(expected), tonumber(got)
  if not (a and b and expected:find "%." ) then return expected == got end
  return math.abs(a - b) <= 0.02 * math.max(1, math.abs(a))
end

local function words(line)
  local list = {}
  for word in line:gsub("[,%[%]{}()]", " %0 "):gmatch "%S+" do list[#list + 1] = word end
  return list
end

local function same_line(expected, got)
  if expected:find("...", 1, true) then -- leaves out parts that differ from machine to machine
    local pattern = expected:gsub("%.%.%.", "\0"):gsub("%p", "%%%0"):gsub("%z", ".*")
    return got:find("^" .. pattern .. "$") ~= nil
  end
  local a, b = words(expected), words(got)
  for i = 1, math.max(#a, #b) do
    if not (a[i] and b[i] and same_word(a[i], b[i])) then return false end
  end
  return true
end

local function same(expected, got)
  if #expected ~= #got then return false end
  for i = 1, #expected do
    if not same_line(expected[i], got[i]) then return false end
  end
  return true
end

local function difference(page, block, code, expected, got)
  return ("%s:%d: %s\n  the page shows:\n    %s\n  printed was:\n    %s"):format(page, block.first, code,
    table.concat(expected, "\n    "), table.concat(got, "\n    "))
end

-- ---- a page ----

-- Runs a session; returns its lines with what was printed.
local function session(page, block, problems)
  local lines = {}
  for _, statement in ipairs(statements(block)) do
    local got = type_in(statement.code)
    local agrees = same(statement.output, got)
    if not agrees then problems[#problems + 1] = difference(page, block, statement.code, statement.output, got) end
    table.move(statement.source, 1, #statement.source, #lines + 1, lines)
    local shown = agrees and statement.output or got
    table.move(shown, 1, #shown, #lines + 1, lines)
  end
  return lines
end

local function script(page, block, answer, problems)
  local got, err = run_script(block)
  if err then problems[#problems + 1] = ("%s:%d: %s"):format(page, block.first, err) end
  local gap = answer and answer.language == "text" and answer.first - (block.first + #block.lines + 1)
  local follows = gap == 1 or gap == 2 -- right below, or behind a blank line
  if not follows or same(answer.lines, got) then return nil end
  problems[#problems + 1] = difference(page, block, "script", answer.lines, got)
  return got
end

--- Runs all examples of a page in order.
-- @param about their mark, "" or "patched"
-- @return problems (texts), lines by block (if they differ from the page's), blocks
function examples.run(page, text, about)
  local problems, replaced, blocks = {}, {}, examples.blocks(text)
  for i, block in ipairs(blocks) do
    local is_meant = block.about == about
    if is_meant and block.language == "prompt" then
      replaced[block] = session(page, block, problems)
    elseif is_meant and block.language == "lua" then
      local got = script(page, block, blocks[i + 1], problems)
      if got then replaced[blocks[i + 1]] = got end
    end
  end
  return problems, replaced, blocks
end

-- Returns the text with the lines of some blocks replaced.
local function rewritten(text, replaced, blocks)
  local lines, at, all = {}, 1, lines_of(text)
  for _, block in ipairs(blocks) do
    if replaced[block] then
      table.move(all, at, block.first, #lines + 1, lines)
      table.move(replaced[block], 1, #replaced[block], #lines + 1, lines)
      at = block.first + #block.lines + 1
    end
  end
  table.move(all, at, #all, #lines + 1, lines)
  return table.concat(lines, "\n") .. "\n"
end

local function main(page, option)
  local file = assert(io.open(page))
  local text = file:read "a"
  file:close()
  arg = { [0] = page, "--quick" } -- luacheck: ignore
  mb = require "moonbow" -- luacheck: ignore
  nn = mb.nn -- luacheck: ignore
  local problems, replaced, blocks = examples.run(page, text, option == "--patched" and "patched" or "")
  if option == "--write" then
    file = assert(io.open(page, "w"))
    file:write(rewritten(text, replaced, blocks))
    file:close()
  end
  for _, problem in ipairs(problems) do print(problem) end
  os.exit(#problems == 0 or option == "--write", true)
end

if arg and arg[0] and arg[0]:find "examples%.lua$" then main(table.unpack(arg)) end

return examples
