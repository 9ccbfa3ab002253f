--- Published networks for spectra, and small ones to compare them with. Each returns a model whose outputs are logits.
-- The page of a network, mb.help "lee2020_cnn2", gives its source, its options, and the differences between publication
-- and benchmark. "Benchmarked" is the version of Schuetzke, Szymanski and Reischl 2023 (npj Comput. Mater. 9:100),
-- which is the default. LITE, RamanNet and SANet, which others propose for series and Raman spectra, have options of
-- their own.
--
-- filters, kernel, stride, pool and pool_stride are numbers for all convolutions, or lists with an entry for each. The
-- length of a list determines the number of convolutions; without a list, a network has its default number, so that
-- kernel = 9 changes the kernels and not their number.
-- @option classes the number of outputs
-- @option length points of the spectra for which the model is built at once, with weights from the default generator
--   (mb.seed); otherwise its first use builds it, mb.fit with weights from its seed
-- @option filters of the convolutions
-- @option kernel points of their filters
-- @option stride points between two windows
-- @option activation of the convolutions: a name of mb.nn.activations
-- @option alpha of the activation, if it has one
-- @option initializer of the convolutions: a name of mb.nn.initializers, a number or a function
-- @option bias true: convolutions have one
-- @option padding of the convolutions: "valid", "same", or points on both sides
-- @option batch_norm true: between convolution and activation
-- @option momentum of the batch norm; Keras' default, as benchmarked
-- @option epsilon of the batch norm; Keras' default, as benchmarked
-- @option pooling kind of the pooling behind each convolution
-- @option pool points of a window; 1 with stride 1 is no pooling
-- @option pool_stride points between two windows; equal to pool by default, unless a network sets another
-- @option pool_padding "valid", or "same"
-- @option conv_dropout rate of the dropout after each pooling
-- @option head turns maps into rows: all values, their mean over positions, or their maximum
-- @option units a list: the hidden dense layers
-- @option dense_activation of the hidden layers
-- @option dense_batch_norm true: behind their activation
-- @option dense_initializer of the hidden layers
-- @option output_initializer of the output layer
-- @option dropout rate of the dropout before each hidden dense layer and before the output
local models = {}
for _, part in ipairs { "plain", "inception", "residual", "lite", "raman" } do
  for name, construct in pairs(require("moonbow.models." .. part)) do models[name] = construct end
end

return models
