--- What the scripts of simple models on the general set or, with --challenge 1, on the challenge set of the benchmark
-- share: the data, the count of wrong spectra, the comparison with the published networks.
local mb = require "moonbow"
local errors = require "lib.benchmark.errors"
local pooled = require "lib.benchmark.pooled"

local simple = {}

-- Mean numbers of wrong test spectra over five seeds (Schuetzke et al. 2023), with ReLU heads on the challenge set.
local general = { tests = 4500, { "cnn6", 8.4 }, { "inc6", 11.4 }, { "inc3", 17.2 }, { "resnet", 21.2 },
  { "vgg", 21.6 }, { "cnn3", 28.4 }, { "cnn2", 38.0 }, { "cnn_bn", 44.2 } }
local challenge = { tests = 162, { "cnn6", 27.0 }, { "inc6", 37.4 }, { "cnn2", 54.6 }, { "inc3", 56.2 },
  { "cnn3", 62.0 } }

local function is_challenge(run) return run.settings.challenge ~= 0 end

local function generate(run)
  if is_challenge(run) then
    return mb.data.challenge(run.quick and { normalize = true, train = 10, validation = 3 } or { normalize = true })
  end
  return mb.data.universal(run.quick and { normalize = true, classes = 20, train = 10, validation = 2 }
    or { normalize = true })
end

--- The general set or the challenge set, each spectrum divided by its maximum; with --quick few spectra, and 20 classes
-- of the general set. Ends the script if --challenge is neither 0 nor 1, or --pool is more than their points.
function simple.data(run)
  if run.settings.challenge > 1 then
    mb.experiment.fail(("%s: --challenge: expected 0 or 1, got %d"):format(run.name, run.settings.challenge), 2)
  end
  local set = generate(run)
  pooled.check_size(run.name, run.settings.pool, set)
  return set
end

--- The spectra of a part, max-pooled.
function simple.pooled(part, size) return { x = part.x:max_pool1d { size = size }, y = part.y } end

--- Adds the share of right test spectra, and the numbers of wrong ones among those that the training ranges decide
-- (clear) and do not decide (ambiguous).
-- @param predicted list of class numbers of the test spectra
-- @param name of the model, if the run compares several; optional
function simple.add(run, predicted, set, name)
  local found, prefix = errors.of(predicted, set.test), name and name .. " @ " or ""
  run:add(prefix .. "right", 1 - found.wrong / #predicted)
  run:add(prefix .. "wrong", found.wrong)
  run:add(prefix .. "clear wrong", found.wrong - found.wrong_ambiguous)
  run:add(prefix .. "ambiguous wrong", found.wrong_ambiguous)
end

--- States the rules, and draws the figure.
-- @param label of the model in the figure
function simple.finish(run, label, details)
  local published = is_challenge(run) and challenge or general
  for _, entry in ipairs { published[#published], published[1] } do
    run:rule { ("it is right at least as often as %s, which leaves %.1f of %d wrong"):format(entry[1], entry[2],
      published.tests), "right", above = 1 - entry[2] / published.tests }
  end
  local names, values = { label }, { 1000 * (1 - run:mean "right") }
  for i, entry in ipairs(published) do names[i + 1], values[i + 1] = entry[1], 1000 * entry[2] / published.tests end
  run:figure("wrong", mb.plot.bars { categories = run.quick and { label } or names,
    values = run.quick and { values[1] } or values, y_label = "wrong of 1000", width = 640,
    title = run.quick and "Quick run: decides nothing" or "Beside the published networks" })
  run:finish(details)
end

return simple
