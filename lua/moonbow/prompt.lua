--- Lua's own prompt with moonbow in it: `moonbow` starts lua -i with require("moonbow.prompt").start(). It gives the
-- globals mb and nn, and a print that shows the entries of plain tables; if lua-readline is installed, names complete
-- with Tab, and the lines typed are kept from one session to the next.
local uv = require "luv"
local complete = require "moonbow.prompt.complete"
local guard = require "moonbow.prompt.guard"
local history = require "moonbow.prompt.history"
local show = require "moonbow.prompt.show"

local prompt = {}

local earlier = "" -- lines of a statement that is not finished

-- A text for _PROMPT or _PROMPT2 that lua asks for before each line.
local function text_with(text, before_line)
  return setmetatable({}, { __tostring = function()
    before_line()
    return text
  end })
end

-- While no statement runs, lua leaves Ctrl-C to the system, which would end the session with all that it has trained.
-- Before each statement lua sets a handler of its own, and after it the system's: this one has to be set for each line.
local function survive_interrupts()
  local signal = uv.new_signal()
  signal:unref()
  return function()
    signal:stop()
    signal:start("sigint", function() end)
  end
end

-- lua keeps the lines of an unfinished statement as the first value on the stack of the C function that calls this.
local function unfinished_lines()
  local name, text = debug.getlocal(4, 1)
  return name and type(text) == "string" and text .. "\n" or ""
end

local function set_prompts()
  local survive = survive_interrupts()
  _PROMPT = text_with("> ", function() -- luacheck: ignore
    earlier = ""
    survive()
  end)
  _PROMPT2 = text_with(">> ", function() -- luacheck: ignore
    earlier = unfinished_lines()
    survive()
  end)
end

--- The words with which readline may replace the one at the cursor.
-- @param line that is being typed
-- @param from, last first and last byte of the word, which may be shorter or longer than the name to complete
-- @return list of words, and the text to append if there is only one
function prompt.words(mb, line, from, last)
  local prefix, found, append = complete(earlier .. line:sub(1, last), mb)
  local word = line:sub(from, last)
  local kept = #word > #prefix and word:sub(1, #word - #prefix) or ""
  for i, candidate in ipairs(found) do found[i] = kept .. candidate:sub(math.max(#prefix - #word, 0) + 1) end
  return found, append
end

-- lua-readline clears the stack of the coroutine that sets the function whenever it calls it, so that this may not be
-- the one in which lua keeps unfinished lines.
local function complete_with(readline, mb)
  local setter = coroutine.create(readline.set_complete_function)
  local function words_at(line, from, behind)
    local ok, words, append = pcall(prompt.words, mb, line, from, behind - 1)
    readline.set_completion_append_character(ok and append or "")
    return ok and words or {}
  end
  assert(coroutine.resume(setter, words_at))
  return setter
end

-- The functions of lua-readline, or nil. Its own module would add the history of another program.
local function load_readline()
  local ok, initialise = pcall(require, "C-readline")
  if not ok then return nil end
  local readline = {}
  initialise({}, readline, {})
  return readline
end

-- Saves the history when lua ends, and before os.exit, which closes nothing.
local function save_at_end(save)
  local exit = os.exit
  local function close()
    local ok, err = save()
    if not ok then io.stderr:write("moonbow: the history is not saved: ", err, "\n") end
  end
  os.exit = function(...) -- luacheck: ignore
    close()
    exit(...)
  end
  return setmetatable({}, { __gc = close })
end

-- As Lua's print; values of several lines stand one below the other.
local function print_shown(...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = show(texts[i]) end
  local text = table.concat(texts, "\t")
  io.stdout:write(text:find "\n" and table.concat(texts, "\n") or text, "\n")
end

--- Makes the prompt that lua starts afterwards moonbow's.
function prompt.start()
  local mb = require "moonbow"
  _G.mb, _G.nn, _G.print = mb, mb.nn, print_shown
  guard(mb)
  set_prompts()
  local readline = load_readline()
  if readline then
    local path = history.path()
    debug.getregistry()["moonbow.prompt"] = { -- lives as long as the session
      complete_with(readline, mb), path and save_at_end(history.open(readline, path)),
    }
  end
  io.stdout:write(("moonbow %s: mb, nn; mb.help() says what there is, %sCtrl-D ends.\n"):format(mb.VERSION,
    readline and "Tab completes, " or ""))
end

return prompt
