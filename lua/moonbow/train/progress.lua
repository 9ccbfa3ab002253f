--- What training shows on standard error: a bar with the time left on a terminal, a line per epoch else.
local term = require "term"

local progress = {}

local WIDTH = 24

local function show_time(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then return seconds .. " s" end
  if seconds < 3600 then return ("%d:%02d min"):format(seconds // 60, seconds % 60) end
  return ("%d:%02d h"):format(seconds // 3600, seconds % 3600 // 60)
end

local function epoch_line(record, epochs)
  local parts = { ("epoch %d/%d  loss %.4f"):format(record.epoch, epochs, record.loss) }
  for _, key in ipairs { "accuracy", "val_loss", "val_accuracy" } do
    if record[key] then parts[#parts + 1] = ("%s %.4f"):format(key, record[key]) end
  end
  parts[#parts + 1] = ("lr %.3g  %.1f s"):format(record.lr, record.seconds)
  return table.concat(parts, "  ")
end

--- An object with batch(done, all, loss) and epoch(record). finished is the number of epochs that are
-- already over.
function progress.start(epochs, verbose, clock, finished)
  if not verbose then return { batch = function() end, epoch = function() end } end
  local on_terminal = term.isatty(io.stderr)
  local begin, shown, first = clock(), 0, finished
  local P = {}
  function P.batch(done, all, loss)
    local now = clock()
    if not on_terminal or now - shown < 0.1 then return end
    shown = now
    local share = (finished - first + done / all) / (epochs - first)
    local filled = math.floor(WIDTH * done / all)
    io.stderr:write(("\r\27[Kepoch %d/%d [%s%s] loss %.4f  at most %s left"):format(finished + 1, epochs,
      ("="):rep(filled), (" "):rep(WIDTH - filled), loss, show_time((now - begin) * (1 - share) / share)))
  end
  function P.epoch(record)
    finished = record.epoch
    io.stderr:write(on_terminal and "\r\27[K" or "", epoch_line(record, epochs), "\n")
  end
  return P
end

return progress
