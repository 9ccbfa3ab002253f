--- The steps of preprocessing, by name.
--
-- Each has apply(x, options, fitted). It may have: options with defaults, as check.options takes them; fit(x), if it
-- learns from the training data, and learned, the names of the lists that fit returns; prepare(options), if options
-- need more checks than their kind; takes_axis, true if the option axis is that of the spectra; new_axis(options), if
-- it changes the axis; rescales, true if its result has another scale than the spectra; percent_of(set, percent), which
-- returns the option percent for the values of a set, or raises. Sums are in double. Data without spread are divided by
-- 1, as in scikit-learn.
local steps = {}
for _, part in ipairs { "scale", "smooth", "baseline", "axis" } do
  for name, step in pairs(require("moonbow.data.steps." .. part)) do steps[name] = step end
end

return steps
