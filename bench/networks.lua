-- The networks that are timed, by the short names of the tables.
local mb = require "moonbow"

local networks = { names = { "cnn2", "cnn3", "cnn6", "cnn_bn", "vgg", "resnet", "inc3", "inc6" } }

local models = {
  cnn2 = "lee2020_cnn2", cnn3 = "lee2020_cnn3", cnn6 = "szymanski2021", cnn_bn = "liu2017", vgg = "wang2020",
  resnet = "ho2019_resnet", inc3 = "lee2020_inception3", inc6 = "lee2020_inception6",
}

--- Makes the model of a short name, as benchmarked; options as for mb.models.
function networks.make(name, options) return mb.models[models[name]](options) end

--- Returns the multiply-adds of one spectrum of a length, forward.
function networks.multiply_adds(model, length)
  local sum = 0
  for _, step in ipairs(model:trace { length, 1 }) do
    if step.layer.macs then sum = sum + step.layer:macs(step.input, step.output) end
  end
  return sum
end

return networks
