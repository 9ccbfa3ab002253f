--- Progress of long work on standard error: a bar with the time left on a terminal, and lines elsewhere.
local clock = require "moonbow.clock"
local core = require "moonbow.core"
local terminal = require "moonbow.terminal"

local progress = {}

local WIDTH, LEAST_WIDTH = 24, 4 -- characters of the bar

--- Returns seconds as "5 s", "1:05 min" or "1:05 h".
function progress.show_time(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then return seconds .. " s" end
  if seconds < 3600 then return ("%d:%02d min"):format(seconds // 60, seconds % 60) end
  return ("%d:%02d h"):format(seconds // 3600, seconds % 3600 // 60)
end

local show_time = progress.show_time

-- Returns the names of the metrics in a record, sorted: they begin with val_.
local function metrics_of(record)
  local names = {}
  for name in pairs(record) do
    if name:find "^val_" and name ~= "val_loss" and name ~= "val_accuracy" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Returns the parts of the line of an epoch, the most important first.
local function epoch_parts(record, epochs, best, left)
  local parts = { ("epoch %d/%d  loss %.4f"):format(record.epoch, epochs, record.loss) }
  for _, key in ipairs { "accuracy", "val_loss", "val_accuracy" } do
    if record[key] then parts[#parts + 1] = ("%s %.4f"):format(key, record[key]) end
  end
  for _, name in ipairs(metrics_of(record)) do parts[#parts + 1] = ("%s %.4f"):format(name, record[name]) end
  for _, part in ipairs { ("lr %.3g"):format(record.lr), ("%.1f s"):format(record.seconds), best, left } do
    parts[#parts + 1] = part
  end
  return parts
end

--- Joins parts in one line shorter than the given number of columns: as many of the first ones as fit.
function progress.fit_line(parts, columns)
  local count = #parts
  local function line() return table.concat(parts, "  ", 1, count) end
  while count > 1 and #line() >= columns do count = count - 1 end
  return line()
end

--- Returns a bar between head and tail that fits in this number of columns (default: those of the terminal): first the
-- bar is shortened, then the end is cut.
function progress.bar_line(head, share, tail, columns)
  local most = (columns or core.terminal_columns() or 1000) - 1
  local width = math.max(LEAST_WIDTH, math.min(WIDTH, most - #head - #tail - 3))
  local filled = math.floor(width * share)
  return ("%s[%s%s] %s"):format(head, ("="):rep(filled), (" "):rep(width - filled), tail):sub(1, most)
end

local bar_line = progress.bar_line

--- Writes a line "[   12 s] message": the seconds so far, and a message as for string.format.
function progress.line(seconds, format, ...)
  io.stderr:write(("[%5.0f s] "):format(seconds), format:format(...), "\n")
end

--- Returns a value for a <close> variable with batch(done, all, loss), epoch(record, best, best_epoch), and
-- stopped(why) for a training that ends before its last epoch; closing it erases the bar. finished is the number of
-- epochs that are already over.
function progress.start(epochs, verbose, finished)
  if not verbose then
    local function quiet() end
    return setmetatable({ batch = quiet, epoch = quiet, stopped = quiet }, { __close = quiet })
  end
  local can_erase = terminal.can_erase()
  local begin, shown, first = clock(), 0, finished
  local erase = can_erase and "\r\27[K" or ""
  local P = setmetatable({}, { __close = function() io.stderr:write(erase) end })
  local function left(epochs_done)
    local share = (epochs_done - first) / (epochs - first)
    return show_time((clock() - begin) * (1 - share) / share)
  end
  function P.batch(done, all, loss)
    local now = clock()
    if not can_erase or now - shown < 0.1 then return end
    shown = now
    io.stderr:write(erase, bar_line(("epoch %d/%d "):format(finished + 1, epochs), done / all,
      ("loss %.4f  at most %s left"):format(loss, left(finished + done / all))))
  end
  function P.epoch(record, best, best_epoch)
    finished = record.epoch
    local parts = epoch_parts(record, epochs, ("best %.4f in epoch %d"):format(best, best_epoch),
      ("at most %s left"):format(left(finished)))
    io.stderr:write(erase, progress.fit_line(parts, can_erase and core.terminal_columns() or math.huge), "\n")
  end
  function P.stopped(why) io.stderr:write(erase, why, "\n") end
  return P
end

--- Returns a value for a <close> variable with report(done, all), for a job of several parts, such as "forest.fit" in
-- "trees", that takes more than a second; closing it erases the bar. Without a terminal it writes a line every ten
-- seconds.
function progress.job(operation, parts, verbose)
  local can_erase = terminal.can_erase()
  local erase, begin, shown = can_erase and "\r\27[K" or "", clock(), clock()
  local P = setmetatable({}, { __close = function() io.stderr:write(verbose and erase or "") end })
  function P.report(done, all)
    local now = clock()
    if not verbose or done == all or now - begin < 1 or now - shown < (can_erase and 0.1 or 10) then return end
    shown = now
    local head = ("%s %d/%d %s "):format(operation, done, all, parts)
    local tail = show_time((now - begin) * (all - done) / done) .. " left"
    io.stderr:write(can_erase and erase .. bar_line(head, done / all, tail) or head .. tail .. "\n")
  end
  return P
end

return progress
