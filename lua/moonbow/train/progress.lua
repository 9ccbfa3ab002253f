--- What training shows on standard error: a bar with the time left on a terminal, a line per epoch else.
local term = require "term"

local progress = {}

local WIDTH = 24

--- Seconds as "5 s", "1:05 min" or "1:05 h".
function progress.show_time(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then return seconds .. " s" end
  if seconds < 3600 then return ("%d:%02d min"):format(seconds // 60, seconds % 60) end
  return ("%d:%02d h"):format(seconds // 3600, seconds % 3600 // 60)
end

local show_time = progress.show_time

local function epoch_line(record, epochs)
  local parts = { ("epoch %d/%d  loss %.4f"):format(record.epoch, epochs, record.loss) }
  for _, key in ipairs { "accuracy", "val_loss", "val_accuracy" } do
    if record[key] then parts[#parts + 1] = ("%s %.4f"):format(key, record[key]) end
  end
  parts[#parts + 1] = ("lr %.3g  %.1f s"):format(record.lr, record.seconds)
  return table.concat(parts, "  ")
end

--- An object with batch(done, all, loss) and epoch(record, best, best_epoch). finished is the number of
-- epochs that are already over.
function progress.start(epochs, verbose, clock, finished)
  if not verbose then return { batch = function() end, epoch = function() end } end
  local on_terminal = term.isatty(io.stderr)
  local begin, shown, first = clock(), 0, finished
  local P = {}
  local function left(epochs_done)
    local share = (epochs_done - first) / (epochs - first)
    return show_time((clock() - begin) * (1 - share) / share)
  end
  function P.batch(done, all, loss)
    local now = clock()
    if not on_terminal or now - shown < 0.1 then return end
    shown = now
    local filled = math.floor(WIDTH * done / all)
    io.stderr:write(("\r\27[Kepoch %d/%d [%s%s] loss %.4f  at most %s left"):format(finished + 1, epochs,
      ("="):rep(filled), (" "):rep(WIDTH - filled), loss, left(finished + done / all)))
  end
  function P.epoch(record, best, best_epoch)
    finished = record.epoch
    io.stderr:write(on_terminal and "\r\27[K" or "", epoch_line(record, epochs),
      ("  best %.4f in epoch %d  at most %s left\n"):format(best, best_epoch, left(finished)))
  end
  return P
end

return progress
