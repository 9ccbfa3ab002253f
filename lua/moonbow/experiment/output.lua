--- Writes tables to the terminal, and results.json and figures to a folder.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local interrupt = require "moonbow.interrupt"
local json = require "moonbow.io.json"
local text_table = require "moonbow.text_table"

local output = {}

--- Returns the default folder for the results of a script: results/NAME, and results/NAME_quick for a quick run, so
-- that quick results never overwrite full ones.
-- @param name string of the script
-- @param quick? boolean
-- @return string
function output.folder(name, quick) return "results/" .. name .. (quick and "_quick" or "") end

--- Prints a message, control characters in it escaped, and ends with an exit code.
-- @param message string
-- @param code? integer (1); 2 where an option or what it asks for is refused
function output.fail(message, code)
  io.stderr:write((message:gsub("[^\n]+", check.printable)), "\n")
  os.exit(code or 1, true)
end

--- The message of an error without its place in a script, however the script was called.
-- @param err any
-- @param f function of the script
function output.reason(err, f)
  local text, here = tostring(err), debug.getinfo(f, "S").short_src .. ":"
  return text:sub(1, #here) == here and (text:sub(#here + 1):gsub("^%d+: ", "")) or text
end

--- Runs the main function of a script. If it raises, the script ends with the message.
-- @param main function
-- @param translate? function(message) that returns it in the words of the script
function output.run(main, translate)
  local ok, err = pcall(main)
  if ok then return end
  local message = output.reason(err, main)
  output.fail(translate and translate(message) or message)
end

local function quoted(argument)
  return argument:find "^[%w%-_./=:,@%%+]+$" and argument or "'" .. argument:gsub("'", "'\\''") .. "'"
end

--- The command that started the script, without its folder: its arguments as a shell takes them.
function output.command()
  local words = { (arg[0]:match "[^/]*$") }
  for i, argument in ipairs(arg) do words[i + 1] = quoted(argument) end
  return table.concat(words, " ")
end

-- Returns what a check returns; if it refuses, ends with its message.
local function checked(f, ...)
  local ok, value = pcall(f, ...)
  if not ok then output.fail(check.reason(value), 2) end
  return value
end

-- The arguments of the script, "--align", "-27" as "--align=-27": argparse takes a negative number for an option.
local function with_negative_numbers(given)
  local words = {}
  for _, word in ipairs(given) do
    local is_value = word:find "^%-%.?%d" and #words > 0 and words[#words]:find "^%-%-[^=]+$"
    words[is_value and #words or #words + 1] = is_value and words[#words] .. "=" .. word or word
  end
  return words
end

--- Parses the command line. An option that is given twice is refused: argparse would take the last one. A negative
-- number after an option is its value.
-- @param parser table of argparse, from mb.experiment.parser
-- @return table the arguments
function output.parse(parser)
  for _, part in ipairs { parser, table.unpack(parser._commands) } do
    for _, option in ipairs(part._options) do option:overwrite(false) end
  end
  return parser:parse(with_negative_numbers(arg or {}))
end

--- Ends the script with a message if the command line has one of these options, which would be ignored.
-- @param name string of the script
-- @param options table a list such as { "--follow" }
-- @param need string without which they have no effect, such as "--status"
function output.refuse(name, options, need)
  for _, word in ipairs(arg or {}) do
    for _, option in ipairs(options) do
      if word:match "^[^=]*" == option then output.fail(("%s: %s needs %s"):format(name, option, need), 2) end
    end
  end
end

-- A finite number, or the text, which a message shows as it was typed.
local function number_of(text)
  local value = tonumber(text)
  return value and math.abs(value) < math.huge and value or text
end

--- Returns a converter of an option's argument to a number. If it is none of the kind, the script ends with a message.
-- @param name string of the script
-- @param option string such as "--epochs"
-- @param kind string "positive integer", "non-negative integer", "finite", "fraction", ...
-- @return function for argparse
function output.number(name, option, kind)
  return function(text) return checked(check.kind, name, option, number_of(text), kind) end
end

--- Returns a converter of an option's argument that is one of several names, likewise.
-- @param name string of the script
-- @param option string such as "--heads"
-- @param names table a list of strings
-- @return function for argparse
function output.one_of(name, option, names)
  return function(text) return checked(check.name, name, option, text, names) end
end

--- Ends the script with a message if the last seed would be no integer.
-- @param name string of the script
-- @param first integer the first seed
-- @param count integer how many seeds
function output.check_seeds(name, first, count)
  local most = math.maxinteger - count + 1
  if first <= most then return end
  output.fail(("%s: --seed: expected at most %d with %s, got %d"):format(name, most, check.show_count(count, "seed"),
    first), 2)
end

--- Prints rows of cells in aligned columns, control characters in them escaped; the first row is the heading.
-- @param rows table a list of lists of cells
function output.table(rows) print(text_table.format(rows)) end

--- Makes a folder, or ends with a message.
-- @param folder string
function output.make_folder(folder)
  local ok, err = files.make_folders(folder)
  if not ok then output.fail(err) end
end

--- Makes a folder and checks that results.json can be written there and that the disk has room for it; otherwise ends
-- with a message. Called at the start of a script, so that its computation is not lost.
-- @param folder string
function output.prepare(folder)
  output.make_folder(folder)
  local ok, err = files.check_writable(folder .. "/results.json")
  if not ok then output.fail(err) end
end

--- True if results are of a larger run than this one, or one that is planned: of a full one beside a quick one, or of
-- more seeds.
-- @param results table of results.json
-- @param run table { quick, seeds }
-- @return boolean
function output.is_larger(results, run)
  if math.type(results.seeds) ~= "integer" then return false end
  if results.quick ~= run.quick then return run.quick and results.quick == false end
  return results.seeds > run.seeds
end

--- "200 seeds", "1 seed, quick": the size of a run.
-- @param run table { quick, seeds }
-- @return string
function output.size_of(run)
  return check.show_count(run.seeds, "seed") .. (run.quick and ", quick" or "")
end

--- Marks a table as a list, which is written as [] if it is empty.
function output.list(t) return setmetatable(t, json.list) end

--- Writes a value as JSON with sorted keys; the file appears whole or not at all. Returns true; or nil and a message,
-- also for values that JSON cannot hold, and then the file is as before.
function output.write_json(path, value)
  local text, err = json.encode(value)
  if not text then return nil, ("%s: not written: %s"):format(path, err) end
  return files.write(path, text .. "\n")
end

--- Reads a JSON file; returns its value, or nil and a message.
function output.read_json(path)
  local text, err = files.read(path)
  if not text then return nil, err end
  local value, reason = json.decode(text)
  if value == nil then return nil, ("%s: %s"):format(path, reason) end
  return value
end

-- Renders the figures as a list of { path, bytes, message if drawing failed }.
local function draw(folder, figures)
  local drawn = {}
  for _, name in ipairs(check.sorted_keys(figures or {})) do
    for _, format in ipairs { "svg", "png" } do
      local path = ("%s/%s.%s"):format(folder, name, format)
      local bytes, reason = figures[name]:bytes(format)
      drawn[#drawn + 1] = { path = path, bytes = bytes, message = reason and ("%s: %s"):format(path, reason) }
      if not bytes then break end
    end
  end
  return drawn
end

local function write_figure(figure)
  local ok, err = figure.bytes ~= nil, figure.message
  if ok then ok, err = files.write(figure.path, figure.bytes) end
  print(ok and "wrote " .. figure.path or err)
end

--- Writes results.json, with the version, the machine's threads and the time, into the folder, and the figures, as SVG
-- and PNG. A figure that cannot be drawn is reported and does not affect the rest. All is drawn before anything is
-- written; while files are written, Ctrl-C waits, so they are all old or all new.
-- @param folder string made if it is missing
-- @param results table see docs/guide/5_experiments.md
-- @param figures? table { [name] = figure }
function output.save(folder, results, figures)
  output.make_folder(folder)
  local drawn = draw(folder, figures)
  local _ <close> = interrupt.catch("experiment", function() return "results and figures are written" end)
  results.threads, results.written = core.threads(), os.date "!%Y-%m-%dT%H:%M:%SZ"
  results.moonbow = core.version
  local path = folder .. "/results.json"
  local written, why = output.write_json(path, results)
  if not written then output.fail(why) end
  print("wrote " .. path)
  for _, figure in ipairs(drawn) do write_figure(figure) end
end

return output
