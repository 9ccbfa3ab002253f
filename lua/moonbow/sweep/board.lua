--- How far a sweep is, while it runs, on standard error: a table that is drawn again in its place on a terminal; a line
-- every ten seconds elsewhere, and where trials run in this process, since what they print would break the table.
local clock = require "moonbow.clock"
local collect = require "moonbow.sweep.collect"
local core = require "moonbow.core"
local progress = require "moonbow.progress"
local statistics = require "moonbow.sweep.statistics"
local terminal = require "moonbow.terminal"
local text_table = require "moonbow.text_table"
local words = require "moonbow.sweep.words"

local MOST_RUNNING = 16   -- trials in the table
local RANKING_SHARE = 0.02 -- of the time may be spent on finding the best configuration

local Board = { __name = "board" }
Board.__index = Board

local board = {}

--- Makes the board of a run.
-- @param folder of the sweep
-- @param left number of trials that the run has before it
-- @param in_workers true if trials run in other processes
function board.new(folder, left, in_workers)
  local results = collect.read(folder, folder.outcome)
  return setmetatable({ folder = folder, sweep = folder.sweep, left = left, results = results, counts = {}, ended = 0,
    began = clock(), drawn = clock(), is_live = in_workers and terminal.can_erase(), lines = 0, ranked = 0 }, Board)
end

--- Counts the end of a trial.
function Board.add(self, trial, status)
  self.counts[status], self.ended = (self.counts[status] or 0) + 1, self.ended + 1
  local result = self.is_live and self.folder:outcome(trial.id)
  if result then self.results[#self.results + 1] = result end
end

-- Returns the best configuration so far, which is found again when that is worth its time.
local function best_of(self)
  local now = clock()
  if self.ranked == #self.results or now < (self.next_ranking or 0) then return self.best end
  self.best, self.ranked = statistics.configurations(self.results, self.sweep.objective, #self.sweep.seeds)[1],
    #self.results
  self.next_ranking = clock() + (clock() - now) / RANKING_SHARE
  return self.best
end

-- Returns share of the trials that have ended, and the time left in words.
local function time_left(self)
  local share = self.left > 0 and math.min(1, self.ended / self.left) or 1
  local seconds = clock() - self.began
  return share, share > 0 and share < 1 and progress.show_time(seconds * (1 - share) / share) .. " left" or ""
end

-- Returns step and objective of a trial's last report.
local function last_report(self, trial)
  local report = self.folder:last_report(trial.id)
  if not report then return nil end
  local value = report.metrics[self.sweep.objective.name]
  return report.step, tonumber(value) and ("%.4g"):format(value) or value
end

-- Returns the trials that run as lines of a table.
local function running_lines(self, processes)
  local rows = {}
  for process in pairs(processes) do
    local trial = process.trial
    if trial then
      local step, value = last_report(self, trial)
      rows[#rows + 1] = { words.config(trial.config), trial.seed, progress.show_time(clock() - process.began), step,
        value }
    end
  end
  if #rows == 0 then return {} end
  table.sort(rows, function(a, b) return a[1] .. a[2] < b[1] .. b[2] end)
  local count = #rows
  rows = table.move(rows, 1, math.min(count, MOST_RUNNING), 2, { { "running", "seed", "for", "step",
    self.sweep.objective.name } })
  local lines = {}
  for line in text_table.format(rows):gmatch "[^\n]+" do lines[#lines + 1] = line end
  if count > MOST_RUNNING then lines[#lines + 1] = ("... and %d more"):format(count - MOST_RUNNING) end
  return lines
end

-- Returns the first bytes of a line that fit in so many columns, whole characters.
local function cut(line, columns)
  if (utf8.len(line) or #line) < columns then return line end
  return line:sub(1, (utf8.offset(line, columns) or #line + 1) - 1)
end

local function erase(self)
  if self.lines > 0 then io.stderr:write(("\27[%dA\r\27[J"):format(self.lines)) end
  self.lines = 0
end

local function draw_table(self, processes)
  local share, left = time_left(self)
  local lines = { progress.bar_line(self.sweep.name .. " ", share, ("%d/%d trials  %s"):format(self.ended, self.left,
    left)), words.counts(self.counts) or "none has ended yet" }
  local best = best_of(self)
  if best and best.mean then lines[#lines + 1] = "best so far: " .. words.result(best, self.sweep.objective) end
  table.move(running_lines(self, processes), 1, MOST_RUNNING + 2, #lines + 1, lines)
  local columns = core.terminal_columns() or 80
  for i, line in ipairs(lines) do lines[i] = cut(line, columns) end
  erase(self)
  io.stderr:write(table.concat(lines, "\n"), "\n")
  self.lines = #lines
end

--- Draws, if it is time to.
-- @param processes set of the workers
function Board.draw(self, processes)
  if clock() - self.drawn < (self.is_live and 0.2 or 10) then return end
  self.drawn = clock()
  if self.is_live then return draw_table(self, processes) end
  local _, left = time_left(self)
  progress.line(clock() - self.began, "%s: %d/%d  %s  %s", self.sweep.name, self.ended, self.left,
    words.counts(self.counts) or "none has ended yet", left)
end

--- Erases the table.
function Board.__close(self) erase(self) end

return board
