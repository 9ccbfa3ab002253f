--- Refinement of a measured pattern: damped least squares (Levenberg 1944, Marquardt 1963) of all that phases, shifts,
-- widths and background may be, with derivatives by differences.
local background = require "moonbow.xrd.background"
local core = require "moonbow.core"
local nnls = require "moonbow.xrd.nnls"
local phase = require "moonbow.xrd.phase"
local shape = require "moonbow.xrd.shape"

local refine = {}

local MOST_STEPS = 30
local FIRST_DAMPING, MOST_DAMPING = 1e-3, 1e6
local ENOUGH = 1e-4 -- relative fall of the squared residual that is worth another step
local MOST_DISPLACEMENT = 0.4 -- shift of 2theta at 0, in degrees
local TEXTURES = { 0.22, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.15, 1.3, 1.5, 1.75, 2.2, 2.8, 3.5, 4.5 } -- first r
local ENOUGH_TEXTURE = 0.01 -- relative fall of the squared residual that is worth a texture
local FIRST_SIZES, FIRST_WIDTHS = { 400, 2000, 150 }, { 0.0025, 0.03 } -- angstrom; W beside the instrument's
local LEAST_WIDTH, MOST_WIDTH = 2.5e-4, 0.25 -- square degrees; less where the step is finer

--- The start of a refinement.
function refine.model(data, phases)
  return { phases = phases, globals = { displacement = 0, W = data.instrument.W } }
end

function refine.copy(model)
  local phases = {}
  for i, p in ipairs(model.phases) do phases[i] = phase.copy(p) end
  local g = model.globals
  return { phases = phases, globals = { displacement = g.displacement, W = g.W }, residual = model.residual,
    background = model.background }
end

-- Normal equations of weighted rows, scaled to a diagonal of 1: gram, right side, lengths of the rows.
local function normal_equations(rows, target)
  local matrix = core.concat(rows, 1)
  local lengths = core.maximum(core.sqrt(core.sum(core.mul(matrix, matrix), 2)), 1e-30)
  matrix = core.div(matrix, core.reshape(lengths, -1, 1))
  return core.totable(core.matmul(matrix, core.transpose(matrix, 1, 2))),
    core.totable(core.reshape(core.matmul(matrix, core.reshape(target, -1, 1)), -1)), core.totable(lengths)
end

--- Solves for scales and background at the model's shapes: sets model.residual, the scales, and model.background (its
-- coefficients); phases keep their weighted patterns as p.column.
function refine.solve(data, model)
  local rows = { data.weighted_backgrounds }
  for i, p in ipairs(model.phases) do
    p.column = core.mul(phase.pattern(p, data, model.globals), data.root_weights)
    rows[i + 1] = p.column
  end
  local gram, right, lengths = normal_equations(rows, data.target)
  local x = nnls.solve(gram, right, data.free)
  model.residual, model.background = nnls.residual(gram, right, x, data.total), {}
  for i = 1, data.free do model.background[i] = (x[i] or 0) / lengths[i] end
  for i, p in ipairs(model.phases) do p.scale = (x[data.free + i] or 0) / lengths[data.free + i] end
  return model
end

--- The weighted values that a solved model leaves.
function refine.rest(data, model)
  local sum = background.sum(data.weighted_backgrounds, model.background)
  for _, p in ipairs(model.phases) do sum = core.add(sum, core.mul(p.column, p.scale)) end
  return core.sub(data.target, sum)
end

--- The calculated pattern and the background of a solved model, (L) each.
function refine.curves(data, model)
  local calculated = core.div(core.sub(data.target, refine.rest(data, model)), data.root_weights)
  local under = background.sum(data.backgrounds, model.background)
  return core.reshape(calculated, -1), core.reshape(under, -1)
end

local function bounds_of(data) return data.bounds or phase.bounds end

-- The least W: no peak is narrower than LEAST_WIDTH, or than half a step, since narrower ones cannot be told apart.
local function least_width(data)
  local axis = data.axis
  local half_step = (axis[#axis] - axis[1]) / (#axis - 1) / 2
  return math.min(LEAST_WIDTH, half_step ^ 2) - shape.least_added(data.instrument, data.physics.two_theta)
end

-- The parameters of a model that are not linear; `phases` of each: those that it changes; `phase`: its own.
local function parameters_of(data, model)
  local g, list = model.globals, {}
  if #model.phases == 0 then return list end
  list[1] = { g, "displacement", -MOST_DISPLACEMENT, MOST_DISPLACEMENT, 1e-4, "displacement" }
  list[2] = { g, "W", least_width(data), MOST_WIDTH, math.max(1e-7, math.min(1e-5, g.W / 20)), "gaussian" }
  for _, parameter in ipairs(list) do parameter.phases = model.phases end
  for _, p in ipairs(model.phases) do
    if p.scale > 0 then
      for _, parameter in ipairs(phase.parameters(p, data.reach, bounds_of(data))) do
        parameter.phases, parameter.phase = { p }, p
        list[#list + 1] = parameter
      end
    end
  end
  return list
end

-- Refined numbers as users know them.
local shown = { size = function(x) return 1 / x end, texture = math.exp, gaussian = math.sqrt }

--- The parameters that a refinement left at a bound, but for infinite sizes and no strain: list of { parameter, value,
-- phase (the name of its crystal; nil for the whole pattern) }.
function refine.at_bounds(data, model)
  local list, seen = {}, {}
  for _, parameter in ipairs(parameters_of(data, model)) do
    local owner, key, low, high, _, name = table.unpack(parameter)
    local value, of = owner[key], parameter.phase or model
    local is_at_bound = low < high and (value <= low and low ~= 0 or value >= high) -- equal: it was to be kept
    if is_at_bound and seen[of] ~= name then -- a cell has up to six strains
      list[#list + 1] = { parameter = name, value = shown[name] and shown[name](value) or value,
        phase = parameter.phase and parameter.phase.candidate.crystal.name }
      seen[of] = name
    end
  end
  return list
end

-- The weighted derivative by a parameter: a difference, backwards at its upper bound.
local function derivative(data, model, parameter)
  local owner, key, _, high, step = table.unpack(parameter)
  local value, sum = owner[key], core.full(0, 1, #data.axis)
  if value + step > high then step = -step end
  owner[key] = value + step
  for _, p in ipairs(parameter.phases) do
    if p.scale > 0 then
      local moved = core.mul(phase.pattern(p, data, model.globals), data.root_weights)
      sum = core.add(sum, core.mul(core.sub(moved, p.column), p.scale / step))
    end
  end
  owner[key] = value
  return sum
end

-- Normal equations of one step. The first rows are the backgrounds, then the scales of phases, then parameters.
local function equations(data, model, parameters)
  local rows = { data.weighted_backgrounds }
  for i, p in ipairs(model.phases) do rows[i + 1] = p.column end
  for _, parameter in ipairs(parameters) do rows[#rows + 1] = derivative(data, model, parameter) end
  return normal_equations(rows, refine.rest(data, model))
end

-- Sets the parameters to values within their bounds.
local function set_values(parameters, values)
  for i, parameter in ipairs(parameters) do
    local owner, key, low, high = table.unpack(parameter)
    owner[key] = math.max(low, math.min(high, values[i]))
  end
end

local function values_of(parameters)
  local values = {}
  for i, parameter in ipairs(parameters) do values[i] = parameter[1][parameter[2]] end
  return values
end

-- The step of damped normal equations, without parameters that stand at a bound and would leave it.
-- @param start values before the step; the parameters themselves still hold those of the last trial
local function step_of(gram, right, lengths, parameters, start, first, damping)
  local damped, places = {}, {}
  for i = 1, #right do
    local parameter, value = parameters[i - first], start[i - first]
    local leaves = parameter and (value <= parameter[3] and right[i] < 0 or value >= parameter[4] and right[i] > 0)
    if not leaves then places[#places + 1] = i end
  end
  local part = {}
  for p, row in ipairs(places) do
    damped[p], part[p] = {}, right[row]
    for q, column in ipairs(places) do damped[p][q] = gram[row][column] end
    damped[p][p] = damped[p][p] + damping
  end
  local x, moves = nnls.solve(damped, part, #places), {}
  for p, row in ipairs(places) do
    if row > first then moves[row - first] = x[p] / lengths[row] end
  end
  return moves
end

-- Tries steps of growing damping until one lowers the residual; returns the damping of the next step, nil without one.
local function advance(data, model, damping)
  local parameters = parameters_of(data, model)
  local first, start, before = data.free + #model.phases, values_of(parameters), model.residual
  local gram, right, lengths = equations(data, model, parameters)
  while damping <= MOST_DAMPING do
    local moves, values = step_of(gram, right, lengths, parameters, start, first, damping), {}
    for i, value in ipairs(start) do values[i] = value + (moves[i] or 0) end
    set_values(parameters, values)
    refine.solve(data, model)
    if model.residual < before then return damping / 10 end
    damping = damping * 10
  end
  set_values(parameters, start)
  refine.solve(data, model)
end

-- The squared residual if one phase had another pattern and scale, beside all else.
local function residual_with(p, rest, column)
  local target = core.add(rest, core.mul(p.column, p.scale))
  local slope = core.sum(core.mul(target, column))[1]
  return core.sum(core.mul(target, target))[1] - slope ^ 2 / math.max(core.sum(core.mul(column, column))[1], 1e-60)
end

-- Gives a phase the direction and texture that explain most, if they explain enough.
local function orient(data, model, p, rest, textures)
  local least, direction, texture = model.residual * (1 - ENOUGH_TEXTURE), nil, 0
  for _, tried in ipairs(phase.directions) do
    p.direction = tried
    for _, r in ipairs(textures) do
      p.texture = math.log(r)
      local column = core.mul(phase.pattern(p, data, model.globals), data.root_weights)
      local residual = residual_with(p, rest, column)
      if residual < least then least, direction, texture = residual, tried, p.texture end
    end
  end
  p.direction, p.texture = direction, texture
end

--- Gives all phases the size, and the pattern the W, that explain most of it. From widths that are far off, the first
-- steps of a refinement move peaks instead.
function refine.start_widths(data, model)
  local phases, g, best, least = model.phases, model.globals, nil, least_width(data)
  local function set(W, broadening)
    g.W = math.max(W, least)
    for _, p in ipairs(phases) do p.broadening = broadening end
    return refine.solve(data, model).residual
  end
  for _, W in ipairs { g.W, table.unpack(FIRST_WIDTHS) } do
    for _, size in ipairs(FIRST_SIZES) do
      local residual = set(W, 1 / size)
      if not best or residual < best.residual then best = { residual = residual, W = W, broadening = 1 / size } end
    end
  end
  set(best.W, best.broadening)
end

--- Chooses a texture for each phase without one, where it pays.
function refine.orient(data, model)
  local rest, most, textures = refine.rest(data, model), bounds_of(data).texture, {}
  for _, r in ipairs(TEXTURES) do
    if math.abs(math.log(r)) <= most then textures[#textures + 1] = r end
  end
  for _, p in ipairs(model.phases) do
    if p.scale > 0 and not p.direction then orient(data, model, p, rest, textures) end
  end
end

--- Refines a model in place.
-- @param steps at most so many; 30
function refine.run(data, model, steps)
  refine.solve(data, model)
  local damping = FIRST_DAMPING
  for _ = 1, steps or MOST_STEPS do
    local before = model.residual
    damping = advance(data, model, damping)
    if not damping or model.residual > before * (1 - ENOUGH) then break end
    damping = math.max(damping, 1e-7)
  end
  return model
end

return refine
