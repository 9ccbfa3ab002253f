--- Discriminant analysis by partial least squares: PLS regression on one column of 0 and 1 for each class.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local pls = require "moonbow.baselines.pls"

local plsda = {}

--- A fitted PLS discriminant analysis.
--
-- @class plsda
-- @field classes integer
-- @field pls pls the regression on the columns of the classes
local Plsda = classifier.of_kind("plsda", "decision_function")

local known_options = {
  components = check.default(2, "positive integer"), classes = check.optional "positive integer",
}

local function columns_of(y, classes)
  local rows = {}
  for i, class in ipairs(y) do
    rows[i] = {}
    for k = 1, classes do rows[i][k] = k == class and 1 or 0 end
  end
  return core.tensor(rows)
end

--- Fits a PLS regression on the membership of each class, 0 or 1 (Barker and Rayens 2003).
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), N > components; NaN and infinity raise
-- @param y tensor|table (N) or (N, 1) class numbers 1, 2, ..., of at least two classes
-- @option components how many; mb.cross_validate chooses them
-- @option classes number of classes; the largest label unless given
-- @return plsda
function plsda.fit(x, y, options)
  options, x, y = classifier.arguments("plsda.fit", x, y, options, known_options)
  if options.classes < 2 then check.fail("plsda.fit", "y: expected at least 2 classes, all labels are 1") end
  local model = pls.fit(x, columns_of(y, options.classes), { components = options.components })
  return setmetatable({ classes = options.classes, pls = model }, Plsda)
end

--- Scores each spectrum for each class: the predicted memberships, which sum to 1 and may lie outside 0 to 1.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @param components? integer how many of the components to use; all unless given
-- @return tensor (N, classes)
function Plsda.decision_function(model, x, components) return model.pls:predict(x, components) end

function Plsda.__tostring(model)
  return ("PLS-DA, %s, %s"):format(check.show_count(model.pls.components, "component"),
    check.show_count(model.classes, "class", "classes"))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Plsda.config(model) return { classes = model.classes, pls = model.pls:config() } end

--- Returns the numbers of the model, for from_state. mb.save writes them.
-- @return table those of the regression
function Plsda.state(model) return model.pls:state() end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return plsda
function plsda.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local model = pls.from_state(check.kind("load", "pls", config.pls, "table"), tensors)
  local classes = check.kind("load", "classes", config.classes, "positive integer")
  if classes ~= core.count(model.y_mean) then
    check.fail("load", "classes: expected %d, got %d", core.count(model.y_mean), classes)
  end
  return setmetatable({ classes = classes, pls = model }, Plsda)
end

require("moonbow.counted").methods(Plsda, "plsda:")

check.takes(plsda.fit, 3, known_options)

return plsda
