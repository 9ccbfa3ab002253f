-- From spectra to a saved, plotted network: lua quickstart.lua. The guide, docs/README.md, explains each step.
local mb = require "moonbow"
local nn = mb.nn

-- Spectra of 1000 points with two peaks on a background and noise; the distance of the peaks determines the class.
local set = mb.data.classes { n = 500, names = { "calcite", "aragonite" }, seed = 1, noise = 0.05,
  peaks = { { { 400, 1 }, { 600, 0.5 } }, { { 400, 1 }, { 615, 0.5 } } }, shift = 3 }

local model = nn.Sequential {
  nn.Conv1d { filters = 16, kernel = 20, padding = "same", activation = "relu" },
  nn.MaxPool1d { size = 16 },
  nn.Flatten {}, nn.Dropout { rate = 0.3 },
  nn.Dense { units = 2 },
}
print(model:summary { 1000, 1 })

local history = mb.fit(model, set.train, {
  epochs = 20, optimizer = mb.optim.Adam { lr = 1e-3 }, seed = 1,
  validation = set.validation, early_stopping = { patience = 5 },
})
local result = mb.evaluate(model, set.test)
print(("accuracy %.3f on %d spectra; the best possible is %.3f"):format(result.accuracy, #set.test.y, set.ceiling()))

assert(mb.save(model, "quickstart.safetensors", { classes = set.classes, axis = set.axis }))
print("wrote quickstart.safetensors and " .. assert(history:plot():save "quickstart.svg"))
