--- The networks of the benchmark of Schuetzke et al. 2023 by the names that the authors give them.
local check = require "moonbow.check"
local models = require "moonbow.models"

local networks = {}

local with_batch_norm = { cnn_bn = true, resnet = true, cnn6_bn = true, lite = true, lite_position = true,
  ramannet = true, sanet = true }
-- Without hidden dense layers whose activation is an option.
local without_hidden = { resnet = true, lite = true, lite_position = true, ramannet = true, sanet = true }

-- Name: constructor and its options. The networks after the first eight are the authors' modifications, with heads
-- of their own; cnn_bn_mod and resnet_mod are without batch norm. The last four are networks of others, which the
-- benchmark does not have; the output of lite_position takes the maps, max-pooled by 16 points, not their means.
local known = {
  cnn2 = { "lee2020_cnn2" }, cnn3 = { "lee2020_cnn3" }, cnn6 = { "szymanski2021" }, vgg = { "wang2020" },
  resnet = { "ho2019_resnet" }, cnn_bn = { "liu2017" }, inc3 = { "lee2020_inception3" },
  inc6 = { "lee2020_inception6" },
  cnn6_bn = { "szymanski2021", batch_norm = true },
  cnn6_convdo = { "szymanski2021", conv_dropout = 0.2, dropout = 0 },
  vgg_mod = { "wang2020", kernel = 20, conv_dropout = 0, units = { 2000, 500 }, dense_activation = "relu",
    dropout = 0.3 },
  cnn_bn_mod = { "liu2017", batch_norm = false, dense_activation = "relu" },
  resnet_mod = { "ho2019_resnet", batch_norm = false, first_activation = "relu", units = { 3100, 1200 },
    dense_activation = "relu" },
  lite = { "ismailfawaz2023_lite" }, lite_position = { "ismailfawaz2023_lite", head = "flatten", pool = 16 },
  ramannet = { "ibtehaz2023_ramannet" }, sanet = { "deng2022_sanet" },
}

--- All names, the eight of the general benchmark first.
networks.names = { "cnn2", "cnn3", "cnn6", "vgg", "resnet", "cnn_bn", "inc3", "inc6", "cnn6_bn",
  "cnn6_convdo", "vgg_mod", "cnn_bn_mod", "resnet_mod", "lite", "lite_position", "ramannet", "sanet" }

--- True if a network has batch norm, whose momentum and statistics matter.
function networks.has_batch_norm(name) return with_batch_norm[name] or false end

--- True if a network has hidden dense layers whose activation `head` gives.
function networks.has_hidden(name) return not without_hidden[name] end

--- Makes a network for this number of classes.
-- @param head "published" (as benchmarked), "linear" or "relu": the activation of the hidden dense layers
-- @param momentum of the batch norm, if it has one; nil for Keras' 0.99
function networks.make(name, classes, head, momentum)
  check.name("network", "name", name, networks.names)
  local options = { classes = classes }
  for key, value in pairs(known[name]) do
    if key ~= 1 then options[key] = value end
  end
  if head ~= "published" and networks.has_hidden(name) then options.dense_activation = head end
  if momentum and networks.has_batch_norm(name) then options.momentum = momentum end
  return models[known[name][1]](options)
end

return networks
