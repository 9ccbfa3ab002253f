--- mb.audit: what the review of networks for spectra says about a network and its data. The rules are in
-- moonbow.audit.rules, and are loaded by the first audit.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"

--- An audit: what was found. print(audit) shows it.
--
-- @class audit
-- @field findings table a list, faults first, of { name, group, is_fault, text, advice, source, value (the number in
--   the text), layers (their paths), rows (of the training spectra) }; layers and rows may be nil
-- @field looked integer rules that could look
-- @field skipped table a list of { name, why }: rules that lacked something
-- @field title string what was audited
-- @field seconds number that it took
local Audit = {}

local make = shown.kind("audit", function(audit) return require("moonbow.audit.report").text(audit) end, Audit)

local known_options = {
  label = check.optional "string", groups = check.optional "string|table|tensor", validation = check.optional "table",
  test = check.optional "table", task = check.one_of(nil, { "class", "number" }),
  batch_size = check.default(32, "positive integer"), patience = check.default(10, "positive integer"),
  trained = check.optional "boolean", rules = check.optional "table", seed = check.default(1, "non-negative integer"),
}

--- Says what is wrong with a network on these data, in sentences with the number, what to do, and the experiment of the
-- review that found the rule. Rules on the network alone need no data: the network must then have been built
-- (model:build, or the option length of mb.models). Rules on what it predicts need a trained network and spectra that
-- it was not trained on: a test or validation set. Labels, groups and files are counted in all spectra, and copies are
-- looked for in all that can be compared in a few seconds. For the rest at most 2000 spectra of each set are looked at,
-- drawn at random, as many of each class as it has of all; a finding says so. The network stays as it is. Rules that
-- lack something are in audit.skipped.
-- @param model layer a network, trained or not
-- @param set? table|spectra { train, validation, test }, as mb.data makes them; { x, y }, the training spectra, beside
--   which groups (a sample for each row), files (a file for each row), steps (how x was preprocessed: the steps of
--   mb.preprocess.fit, or "snv, standardize") and raw (the spectra before these steps) are read; or a set of spectra,
--   with the option label, which a network of mb.load gets with its preprocessing. axis and classes are read if they
--   are there; weights of rows are not read: each spectrum counts once
-- @option label of a set of spectra: the name of the label with the classes, or with the numbers
-- @option groups the sample of each training spectrum: a list; or the name of a label of sets of spectra, then of the
--   validation and test spectra, too
-- @option validation spectra that chose the best epoch, as set
-- @option test spectra that had no part in the training, as set
-- @option task "class", or "number" for a network of numbers, or of labels of which several may hold
--   (binary_cross_entropy), of which fewer rules know something; unless given it follows from the loss with which
--   mb.fit trained the network
-- @option batch_size of the training, as given to mb.fit
-- @option patience of the early stopping, as given to mb.fit
-- @option trained whether the network was trained; found by its biases and running means unless given
-- @option rules a list of names: only these look
-- @option seed of the rows that are looked at, if there are many, and of fresh copies of the network
-- @return audit
-- @usage
-- local audit = mb.audit(model, set)
-- print(audit)
-- if audit:has "linear_hidden" then print(audit:has "linear_hidden".advice) end
local function audit(model, set, options)
  options = check.options("audit", options, known_options)
  return make(require("moonbow.audit.run")(model, set, options))
end

--- The finding of a rule; nil if it found nothing, or did not look.
-- @param name string of the rule
-- @return table the finding, as in findings
function Audit:has(name)
  local names = {}
  for i, rule in ipairs(require "moonbow.audit.rules") do names[i] = rule.name end
  check.name("audit:has", "name", name, names)
  for _, finding in ipairs(self.findings) do
    if finding.name == name then return finding end
  end
  return nil
end

--- The audit as a page that loads nothing.
-- @return string HTML
function Audit:html() return require("moonbow.audit.report").page(self) end

--- Writes the page to a file.
-- @param path string of the file
-- @return boolean true; or nil and a message
-- @usage assert(mb.audit(model, set):save "audit.html")
function Audit:save(path)
  check.kind("audit:save", "path", path, "string")
  return require("moonbow.io.files").write(path, self:html())
end

counted.methods(Audit, "audit:")

return check.takes(audit, 3, known_options)
