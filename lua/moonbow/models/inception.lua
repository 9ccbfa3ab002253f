--- Networks with inception blocks (Szegedy et al. 2015): four branches side by side.
local nn = require "moonbow.nn"
local check = require "moonbow.check"
local parts = require "moonbow.models.parts"

local models = {}

-- Filters of the branches: kernel 1; kernels 1 and 3; kernels 1 and 5; average pooling and kernel 1.
local published = {
  { 22, 32, 42, 6, 12, 10 }, { 28, 43, 56, 7, 14, 14 }, { 37, 56, 73, 9, 18, 19 },
  { 49, 74, 96, 12, 24, 25 }, { 65, 97, 126, 16, 32, 32 }, { 85, 128, 166, 19, 38, 43 },
}

local function branch(options, first, ...)
  local layers = { first }
  for _, part in ipairs { ... } do parts.append_convolution(layers, options, part[1], part[2], 1) end
  return nn.Sequential(layers)
end

local function block(options, f)
  return nn.Concat {
    branch(options, nil, { f[1], 1 }),
    branch(options, nil, { f[2], 1 }, { f[3], 3 }),
    branch(options, nil, { f[4], 1 }, { f[5], 5 }),
    branch(options, nn.AvgPool1d { size = 3, stride = 1, padding = "same" }, { f[6], 1 }),
  }
end

local function check_blocks(name, blocks)
  parts.check_list(name, "blocks", blocks, "table")
  for i, filters in ipairs(blocks) do
    local entry = ("blocks[%d]"):format(i)
    parts.check_list(name, entry, filters, "positive integer")
    if #filters ~= 6 then check.fail(name, "%s: expected 6 numbers of filters, got %d", entry, #filters) end
  end
end

local function define(name, count, units)
  local own = {
    kernel = { 20, 15, 10 }, stride = { 1, 1, 2 }, pool = { 3, 2, 1 }, pool_stride = { 3, 3, 2 },
    units = units, dropout = 0.3, blocks = { table.unpack(published, 1, count) },
  }
  local rules = parts.rules(own, { "body", "convolution", "norm", "head" })
  models[name] = check.takes(function(given)
    local options, layers = parts.options(name, given, rules), {}
    check_blocks(name, options.blocks)
    parts.append_body(layers, options, name, own)
    for _, filters in ipairs(options.blocks) do parts.append(layers, block(options, filters)) end
    parts.append_head(layers, options, name)
    return parts.finish(layers, options, name)
  end, 1, rules)
end

--- The network of Lee et al. 2020 (Nat. Commun. 11:86) with the body of lee2020_cnn3 and three inception blocks, as
-- benchmarked.
-- @option blocks a list with six numbers of filters for each block (of a convolution 1; of 1 and 3; of 1 and 5; of 1
--   behind average pooling 3)
-- @see models
-- @return layer
define("lee2020_inception3", 3, { 3700, 740 })

--- As lee2020_inception3, with six inception blocks: 187 million parameters at 5000 points and 500 classes.
-- @see models.lee2020_inception3, models
-- @return layer
define("lee2020_inception6", 6, { 4000, 400 })

return models
