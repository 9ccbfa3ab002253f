--- The phases of a pattern: they are added one by one, as long as each pays for itself.
local core = require "moonbow.core"
local phase = require "moonbow.xrd.phase"
local refine = require "moonbow.xrd.refine"
local scan = require "moonbow.xrd.scan"

local search = {}

search.COARSE = 2000 -- points of the search

local SIZE = 400 -- of crystallites, in angstrom, at first
local STRAIN_STEP = 0.002
local TRIED = 3 -- candidates that are refined for each place
local NEAR = 0.05 -- what must remain of a pattern beside those that are there
local LIKELY = 0.005 -- change of lengths that makes a phase half as likely
local PREFERENCE = 0.1 -- share of the residual that a doubled doubt weighs, between candidates for one place
local TIE = 0.1 -- rise of the squared residual below which another candidate is as good
local STEPS = 4 -- of refinements within the search
local SURE = 8 -- over the root of the number of points: the share of the noise that counts as misfit, too

-- The pattern of a candidate with all lengths changed by a share, (1, L).
local function strained_pattern(candidate, data, share)
  local p = phase.new(candidate, SIZE)
  p.strain[1] = share
  return phase.pattern(p, data, { displacement = 0, W = data.instrument.W })
end

--- The weighted patterns of all candidates at steps of strain, each of length 1: { rows (M, L), entries }.
local function dictionary(candidates, data)
  local rows, entries = {}, {}
  local count = math.floor(data.reach / STRAIN_STEP + 0.5)
  for _, candidate in ipairs(candidates) do
    for step = -count, count do
      local share = step * STRAIN_STEP
      rows[#rows + 1] = strained_pattern(candidate, data, share)
      entries[#entries + 1] = { candidate = candidate, share = share }
    end
  end
  local matrix = core.mul(core.concat(rows, 1), data.root_weights)
  local lengths = core.maximum(core.sqrt(core.sum(core.mul(matrix, matrix), 2)), 1e-30)
  return { rows = core.div(matrix, core.reshape(lengths, -1, 1)), entries = entries }
end

-- Orthogonal rows that span given rows.
local function orthogonal(rows)
  local list = {}
  for _, row in ipairs(rows) do
    for _ = 1, 2 do
      for _, unit in ipairs(list) do row = core.sub(row, core.mul(unit, core.sum(core.mul(row, unit))[1])) end
    end
    local length = math.sqrt(core.sum(core.mul(row, row))[1])
    if length > 0 then list[#list + 1] = core.mul(row, 1 / length) end
  end
  return core.concat(list, 1)
end

-- How many times as much a phase has to explain whose lengths changed by a share.
local function doubt(share) return 1 + (share / LIKELY) ^ 2 end

-- The candidates that would lower the residual most: list of { candidate, share, gain }, one for each, the best first.
-- @param doubts function(share) by which gains are divided; nil: none
local function proposals(data, model, book, doubts)
  local rows = {}
  for i = 1, data.free do rows[i] = core.narrow(data.weighted_backgrounds, i, 1) end
  for _, p in ipairs(model.phases) do rows[#rows + 1] = p.column end
  local basis = orthogonal(rows)
  local along = core.matmul(book.rows, core.transpose(basis, 1, 2))
  local beside = core.totable(core.sum(core.mul(along, along), 2))
  local rest = core.reshape(refine.rest(data, model), -1, 1)
  local slopes = core.totable(core.reshape(core.matmul(book.rows, rest), -1))
  local best, list = {}, {}
  for i, entry in ipairs(book.entries) do
    local remains = 1 - beside[i]
    local gain = remains > NEAR and slopes[i] > 0 and slopes[i] ^ 2 / remains or 0
    gain = gain / (doubts and doubts(entry.share) or 1)
    local known = best[entry.candidate]
    if gain > 0 and (not known or gain > known.gain) then
      best[entry.candidate] = { candidate = entry.candidate, share = entry.share, gain = gain }
    end
  end
  for _, p in ipairs(model.phases) do best[p.candidate] = nil end
  for _, proposal in pairs(best) do list[#list + 1] = proposal end
  table.sort(list, function(a, b)
    if a.gain ~= b.gain then return a.gain > b.gain end
    return a.candidate.index < b.candidate.index
  end)
  return list
end

-- The model with one more phase, refined.
local function with(data, model, proposal)
  local grown = refine.copy(model)
  local p = phase.new(proposal.candidate, SIZE)
  p.strain[1] = proposal.share
  grown.phases[#grown.phases + 1] = p
  return refine.run(data, grown, STEPS)
end

-- The squared residual beyond noise, which a phase has to lower by a share. Where nothing else remains, it is 5.7
-- standard deviations of the noise's squared residual: the best of many candidates always fits some noise.
local function misfit(data, model)
  local noise = data.noise_factor ^ 2 * #data.axis
  return math.min(model.residual, math.max(model.residual - noise, 0) + noise * SURE / math.sqrt(#data.axis))
end

-- The share of the misfit that a phase takes away, as far as its cell is to be believed.
local function gain(data, before, model, p)
  return (before.residual - model.residual) / misfit(data, model) / doubt(phase.deviation(p))
end

-- The model with the candidate that explains most for its place, or nil.
local function grow(data, model, book)
  local best, least
  for i, proposal in ipairs(proposals(data, model, book)) do
    if i > TRIED then break end
    local grown = with(data, model, proposal)
    local cost = grown.residual * (1 + PREFERENCE * doubt(phase.deviation(grown.phases[#grown.phases])))
    if not best or cost < least then best, least = grown, cost end
  end
  if not best then return nil end
  refine.orient(data, best)
  return refine.run(data, best, STEPS)
end

-- The model without one of its phases, refined.
local function without(data, model, index)
  local rest = refine.copy(model)
  table.remove(rest.phases, index)
  return refine.run(data, rest, STEPS)
end

-- Leaves out the phases that do not pay, the least one first.
local function prune(data, model, worth)
  while #model.phases > 0 do
    local best, least
    for i, p in ipairs(model.phases) do
      local rest = without(data, model, i)
      p.rise = gain(data, rest, model, p)
      if not least or p.rise < least then best, least = rest, p.rise end
    end
    if least >= worth then return model end
    model = best
  end
  return model
end

--- The common strains at which given phases explain most, one by one, each beside those before it.
-- @return { [candidate] = share }
function search.shares(data, candidates)
  if #candidates == 0 then return {} end
  local coarse, shares = scan.coarse(data, search.COARSE), {}
  local book, model = dictionary(candidates, coarse), refine.solve(coarse, refine.model(coarse, {}))
  for _ = 1, #candidates do
    local best = proposals(coarse, model, book, doubt)[1]
    if not best then break end
    shares[best.candidate] = best.share
    local p = phase.new(best.candidate, SIZE)
    p.strain[1] = best.share
    model.phases[#model.phases + 1] = p
    refine.solve(coarse, model)
  end
  return shares
end

--- Adds phases to a model until none pays, then leaves out those that do not pay any more.
-- @param options { most (phases), worth (share by which the misfit must fall for each) }
-- @return the model, refined on a coarse grid; the coarse data; the dictionary
function search.run(data, candidates, options)
  -- Here W holds what means of points add: few steps get farther from a start that is too narrow than too wide.
  local coarse = setmetatable({ bounds = phase.bounds_of_search, smear = 0 },
    { __index = scan.coarse(data, search.COARSE) })
  local book = dictionary(candidates, coarse)
  local model = refine.solve(coarse, refine.model(coarse, {}))
  while #model.phases < options.most do
    local grown = grow(coarse, model, book)
    if not grown or gain(coarse, model, grown, grown.phases[#grown.phases]) < options.worth then break end
    model = grown
  end
  return prune(coarse, model, options.worth), coarse, book
end

--- The candidates that would do as well in the place of each phase.
-- @return { [candidate] = list of { candidate, rise (of the squared residual, as a share) } }
function search.ties(data, model, book)
  local ties = {}
  for i, p in ipairs(model.phases) do
    local rest, list = without(data, model, i), {}
    for place, proposal in ipairs(proposals(data, rest, book)) do
      if place > TRIED then break end
      if proposal.candidate ~= p.candidate then
        local other = with(data, rest, proposal)
        refine.orient(data, other)
        local rise = refine.run(data, other, STEPS).residual / model.residual - 1
        if rise < TIE then list[#list + 1] = { candidate = proposal.candidate, rise = rise } end
      end
    end
    ties[p.candidate] = list
  end
  return ties
end

return search
