--- Lambda: a function as a layer.
local autograd = require "moonbow.autograd"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- A function of your own as a layer: Lambda { f }. f is called with the input, a tensor of any shape, and returns a
-- tensor; tensor operations and mb.operation in it let gradients pass. A model with one cannot be saved: one with a
-- class of your own can (nn.class). Raises if f returns anything but a tensor.
-- @return layer
-- @usage local layer = nn.Lambda { function(x) return x:abs():log() end }
layers.Lambda = Layer.class("Lambda", { require("moonbow.check").required "function" }, {
  forward = function(layer, x) return autograd.share(layer.options[1](autograd.share(x))) end,
})

return layers
