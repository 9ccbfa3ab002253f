--- Predictions of a network with its dropout on, many times (Gal and Ghahramani 2016).
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local interrupt = require "moonbow.interrupt"
local named = require "moonbow.train.named"
local outputs = require "moonbow.train.outputs"
local scores = require "moonbow.pipeline.scores"
local shown = require "moonbow.shown"
local closing = require "moonbow.train.closing"

--- What a network said of spectra with its dropout on, many times. print(votes) shows how sure it was.
--
-- @class votes
-- @field classes tensor (N): the class with the most votes; nil for numbers
-- @field share tensor (N, classes): the share of the votes for each class; nil for numbers
-- @field confidence tensor (N): the share of the votes for the class with the most; nil for numbers
-- @field mean tensor (N, M): the mean probability, or number
-- @field sd tensor (N, M): its standard deviation over the passes
-- @field times integer passes
local Votes = {}

local function show(votes)
  local n = core.size(votes.mean, 1)
  local head = ("%s on %s"):format(check.show_count(votes.times, "vote"), check.show_count(n, "spectrum", "spectra"))
  if not votes.share then return ("%s: mean standard deviation %.4g"):format(head, core.mean(votes.sd):item()) end
  local least = core.describe(votes.confidence).min
  return ("%s: mean confidence %.4f, least %.4f; unanimous on %d"):format(head, core.mean(votes.confidence):item(),
    least, core.sum(core.ge(votes.confidence, 1)):item())
end

local make = shown.kind("votes", show, Votes)
counted.methods(Votes, "votes:")

-- Turns dropout on in a network in evaluation mode; returns how many layers drop.
local function turn_on(network, rng)
  local count = 0
  network:eval()
  network:set_rng(rng)
  network:visit(function(part)
    if part.type:find "Dropout" and (part.options.rate or 0) > 0 then
      part.training, count = true, count + 1
    end
  end)
  return count
end

-- The mean of the values over the passes, the sum of the squares of their deviations from it, by Welford's (1962)
-- updates, since numbers far from 0 would leave only rounding of a difference of squares; and the votes for each class.
local function passes(network, x, options)
  local mean, squares, votes = 0, 0, nil
  for pass = 1, options.times do
    interrupt.check()
    local found = autograd.no_grad(network, x)
    if core.rank(found) ~= 2 then
      check.fail("dropout_votes", "expected a network with outputs (N, M), got shape %s",
        check.show_shape(core.shape(found)))
    end
    core.check_finite("dropout_votes", "the outputs of the network", found)
    local columns = core.size(found, 2)
    local kind = outputs.kind(network, options.outputs, columns)
    local values = outputs.linked("dropout_votes", network, kind, found)
    local chosen = kind == "classes" and core.eq(core.reshape(core.argmax(found, 2), -1, 1),
      core.reshape(core.arange(1, 1, columns), 1, columns))
    local off = core.sub(values, mean)
    mean = core.add(core.mul(off, 1 / pass), mean)
    squares = core.add(core.mul(off, core.sub(values, mean)), squares)
    votes = chosen and core.add(chosen, votes or 0)
  end
  return { mean = mean, squares = squares, votes = votes or nil }
end

local function vote(network, x, options)
  x = named.read("dropout_votes", "x", scores.prepared("dropout_votes", network, x))
  options.outputs = options.outputs or outputs.recorded(network)
  local _ <close> = interrupt.catch "dropout_votes"
  local _ <close> = network:keep_modes()
  if turn_on(network, core.rng(options.seed)) == 0 then
    check.fail("dropout_votes", "the network has no Dropout with a rate above 0: all votes would be the same")
  end
  local parts, n = {}, named.count(x)
  for first = 1, n, options.batch_size do
    local found = passes(network, named.narrow(x, first, math.min(options.batch_size, n - first + 1)), options)
    for key, value in pairs(found) do
      parts[key] = parts[key] or {}
      table.insert(parts[key], value)
    end
  end
  for key, list in pairs(parts) do parts[key] = core.concat(list, 1) end
  local times = options.times
  local variance = core.mul(core.maximum(parts.squares, 0), 1 / math.max(times - 1, 1))
  local share = parts.votes and core.mul(parts.votes, 1 / times)
  return make { times = times, mean = parts.mean, sd = core.sqrt(variance), share = share,
    classes = share and core.argmax(share, 2), confidence = share and core.max(share, 2) }
end

return function(...) return closing(vote, ...) end
