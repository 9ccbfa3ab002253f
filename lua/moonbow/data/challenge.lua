--- The challenge set of Schuetzke, Szymanski and Reischl (npj Comput. Mater. 9:100, 2023).
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local peaks = require "moonbow.data.peaks"

local function class(positions, heights) return { positions = positions, heights = heights } end

-- The authors' nine triplets, points counted from 0 as in the paper.
local published = {
  { kind = "minor", class({ 700, 3000 }, { 0.7, 1 }), class({ 700, 1800, 3000 }, { 0.7, 0.035, 1 }),
    class({ 700, 3000, 4200 }, { 0.7, 1, 0.035 }) },
  { kind = "minor", class({ 920, 1115 }, { 1, 0.4 }), class({ 923, 1112, 1500 }, { 1, 0.4, 0.035 }),
    class({ 918, 1116, 1630 }, { 1, 0.4, 0.035 }) },
  { kind = "minor", class({ 500, 2100 }, { 0.9, 1 }), class({ 500, 2100, 2260 }, { 0.9, 1, 0.035 }),
    class({ 500, 2100, 2260, 2750 }, { 0.9, 1, 0.035, 0.035 }) },
  { kind = "position", class({ 700, 3000 }, { 1, 0.7 }), class({ 700, 3070 }, { 1, 0.7 }),
    class({ 700, 3140 }, { 1, 0.7 }) },
  { kind = "position", class({ 1230, 2103 }, { 0.15, 1 }), class({ 1300, 2101 }, { 0.15, 1 }),
    class({ 1370, 2098 }, { 0.15, 1 }) },
  { kind = "position", class({ 1230, 1750, 4700 }, { 0.15, 0.2, 1 }),
    class({ 1300, 1820, 4700 }, { 0.15, 0.2, 1 }), class({ 1370, 1890, 4700 }, { 0.15, 0.2, 1 }) },
  { kind = "height", class({ 920, 1500 }, { 0.08, 1 }), class({ 920, 1500 }, { 0.155, 1 }),
    class({ 920, 1500 }, { 0.23, 1 }) },
  { kind = "height", class({ 1147, 2261 }, { 1, 0.2 }), class({ 1151, 2258 }, { 1, 0.275 }),
    class({ 1153, 2262 }, { 1, 0.35 }) },
  { kind = "height", class({ 302, 2750, 4198 }, { 0.08, 1, 0.22 }), class({ 300, 2750, 4200 }, { 0.155, 1,
    0.21 }),
    class({ 299, 2750, 4202 }, { 0.23, 1, 0.23 }) },
}

for _, triplet in ipairs(published) do
  for _, member in ipairs(triplet) do
    for i, position in ipairs(member.positions) do member.positions[i] = position + 1 end
  end
end

local known_options = peaks.options {
  triplets = check.optional "table", test_height = check.default(0.03, "non-negative"),
}

-- Test spectra are changed towards the other classes of their triplet. Directions of shifts and of changes of height,
-- by kind and place in the triplet.
local both, all, none_or_less = { -1, 1 }, { 0, -1, 1 }, { 0, -1 }
local directions = {
  minor = function() return all, none_or_less end,
  position = function(place) return ({ { 0, 1 }, both, none_or_less })[place], { 0, 1, -1 } end,
  height = function(place) return all, ({ { 0, 1 }, both, none_or_less })[place] end,
}

local function scaled(list, factor)
  local result = {}
  for i, value in ipairs(list) do result[i] = value * factor end
  return result
end

local function check_triplets(triplets, points)
  if #triplets == 0 then
    check.fail("challenge", "triplets: expected a list of triplets, got an empty table")
  end
  for t, triplet in ipairs(triplets) do
    local name = ("triplets[%d]"):format(t)
    check.kind("challenge", name, triplet, "table")
    check.name("challenge", name .. ".kind", triplet.kind, { "minor", "position", "height" })
    if #triplet ~= 3 then check.fail("challenge", "%s: expected 3 classes, got %d", name, #triplet) end
    for i, member in ipairs(triplet) do
      peaks.check_class("challenge", ("%s[%d]"):format(name, i), member, points)
    end
  end
end

--- Generates spectra of nine triplets of classes that are hard to distinguish. They differ in a minor peak (classes 1
-- to 9), in positions (10 to 18) or in heights (19 to 27). With default options they equal those of the authors' script
-- draw for draw and number for number (rounded to float32): 50, 10 and 6 spectra of 5000 points per class. Source:
-- Schuetzke, Szymanski and Reischl 2023 (npj Comput. Mater. 9:100).
--
-- Training and validation spectra vary as in mb.data.universal, but heights of 1 do not change. The six test spectra of
-- a class are moved by test_shift and changed by test_height towards the neighbours in their triplet.
-- @option triplets the published ones, or a list of { kind = "minor", "position" or "height", class, class, class }
--   with classes { positions = {points from 1}, heights = {...} }
-- @see data.universal
-- @return table what mb.data.universal returns, with kinds: for each class "minor", "position" or "height"
local function challenge(given)
  local options = check.options("challenge", check.copy(given), known_options)
  options.keep_ones = true
  options.triplets = options.triplets or check.copy(published)
  check_triplets(options.triplets, options.points)
  local classes, variants, kinds = {}, {}, {}
  for _, triplet in ipairs(options.triplets) do
    for place, member in ipairs(triplet) do
      local shifts, changes = directions[triplet.kind](place)
      local k = #classes + 1
      classes[k], kinds[k] = member, triplet.kind
      variants[k] = peaks.variants(member, scaled(shifts, options.test_shift), scaled(changes,
        options.test_height),
        options.points)
    end
  end
  local set = peaks.make_set("challenge", classes, variants, options)
  set.kinds = kinds
  return report.set(set)
end

return check.takes(challenge, 1, known_options)
