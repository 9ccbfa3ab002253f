--- Rules on filters and units that never say anything.
local core = require "moonbow.core"
local network = require "moonbow.audit.network"

local SHARE, EMPTY = 0.25, 0.05

local keeps_channels, keeps_values = { norm = true, pool = true, dropout = true }, { pool = true, dropout = true }

local function are_same(rows) return core.sum_squares(core.sub(rows, core.narrow(rows, 1, 1))) == 0 end

-- Why filters cannot be judged: where spectra have no features, a living filter makes a constant map, too.
local function why_not(part)
  local is_flat = are_same(core.reshape(part.x, -1, core.size(part.x, 3)))
  return is_flat and "the training spectra have the same value at all points" or nil
end

-- The channels of a layer that are dead, counted behind its activation where that is a layer of its own.
local function dead_entry(dead, part)
  local behind = network.activated(part, keeps_channels)
  return behind and dead[behind.path] or dead[part.path]
end

-- Layers of a kind of which more than a quarter of the channels never change.
local function dead_layers(a, kind)
  local found, worst, dead, channels = {}, 0, 0, 0
  if a.is_stale then return found end -- with other statistics they may live
  for _, part in ipairs(network.of(a.flow, { [kind] = true })) do
    local entry = dead_entry(a.dead, part)
    local share = entry and entry.dead / entry.channels or 0
    if share > SHARE then
      found[#found + 1], worst = part, math.max(worst, share)
      dead, channels = dead + entry.dead, channels + entry.channels
    end
  end
  return found, worst, dead, channels
end

local function dead_filters(a)
  local why = why_not(a.train_part)
  if why then return nil, why end
  local found, worst, dead, channels = dead_layers(a, "conv")
  if #found == 0 then return nil end
  return { layers = found, value = worst, looked = { a.train_part },
    text = ("%d of %d filters have the same output for every training spectrum "
    .. "after training: they are dead, and no gradient reaches them."):format(dead, channels) }
end

local function dead_units(a)
  if are_same(a.train_part.x) then return nil, "the training spectra are all the same" end
  local found, worst, dead, channels = dead_layers(a, "dense")
  if #found == 0 then return nil end
  return { layers = found, value = worst, looked = { a.train_part },
    text = ("%d of %d units of dense layers have the same output for every "
    .. "training spectrum."):format(dead, channels) }
end

-- True if a batch norm stands before the activation: the batches of a training, unlike its first running statistics,
-- make values of both signs.
local function is_normed(part)
  return network.activated(part, keeps_channels) ~= network.activated(part, keeps_values)
end

-- Layers that in some fresh copy are dead as a whole, or in all copies to more than half.
local function dead_at_start(a)
  local found, worst, why = {}, 0, why_not(a.fresh_part)
  if why then return nil, why end
  for _, part in ipairs(a.fresh_dead and network.of(a.flow, { conv = true }) or {}) do
    local entry = not is_normed(part) and dead_entry(a.fresh_dead, part)
    local share = entry and entry.dead / entry.channels or 0
    if entry and (share > 2 * SHARE or entry.whole > 0) and share > EMPTY then
      found[#found + 1], worst = part, math.max(worst, share)
    end
  end
  if #found == 0 then return nil end
  return { layers = found, value = worst, looked = { a.fresh_part },
    text = ("In newly initialised copies of this network, %.0f %% of the filters of a layer have the same output for "
    .. "every training spectrum, such as 0; a layer of such filters alone learns nothing."):format(100 * worst) }
end

local remedy = 'More filters (the surer remedy), or activation = "leaky_relu".'

return {
  { name = "dead_at_start", needs = "data", find = dead_at_start,
    source = "experiments/single_filter.lua: with one filter 8 to 18 % of the networks are empty, with eight none",
    advice = remedy },
  { name = "dead_filters", needs = "trained", is_fault = true, find = dead_filters,
    source = "experiments/relu_emptiness.lua: none is empty with leaky ReLU, ELU, GELU or four filters",
    advice = remedy .. " A lower learning rate keeps filters from dying in training." },
  { name = "dead_units", needs = "trained", find = dead_units,
    source = "experiments/relu_emptiness.lua, for filters",
    advice = "Fewer units: the living ones suffice; or a lower learning rate." },
}
