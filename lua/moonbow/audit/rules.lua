--- All rules of an audit, in the order in which they are asked.
--
-- A rule is { name, needs, find, is_fault, source, advice }. needs says what has to be there: "network" (a network
-- whose shape of input is known), "plan" (training spectra, whose number gives the steps of an epoch), "any data"
-- (training spectra), "data" (those without NaN), "classes" (and labels), "other data" (and a test or validation set),
-- "trained" (and a trained network), "judged" (all of these). find(facts) returns nil, or { text, value, layers, rows,
-- advice, looked } with what was found; nil and a reason if it cannot look. looked: the parts of which the text tells,
-- to which it is added how many spectra were looked at, if not all; unless given, those that were judged. The advice of
-- the rule is what to do if the finding has none of its own: none names what the network has already. is_fault: it
-- costs accuracy, or makes a figure wrong; others are remarks.
local rules = {}

for _, group in ipairs { "head", "pooling", "convolution", "norm", "filters", "data", "split", "outcome", "simple",
  "sensitivity" } do
  for _, rule in ipairs(require("moonbow.audit.rules." .. group)) do
    rule.group = group
    rules[#rules + 1] = rule
  end
end

return rules
