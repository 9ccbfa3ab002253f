--- Published networks for spectra, and small ones to compare them with. Each returns a model whose outputs
-- are logits. mb.help(mb.models.lee2020_cnn2) tells the source of one, what differs between publication and
-- benchmark, and its own options. "Benchmarked" is the version of Schuetzke, Szymanski and Reischl 2023 (npj
-- Comput. Mater. 9:100), which is the default.
--
-- Options of all: classes (required: the number of outputs); length (builds the model for spectra of so many
-- points at once, else the first use does).
--
-- Options of all with convolutions, beside those of the head: filters, kernel, stride; activation ("relu")
-- and its alpha; initializer ("glorot_uniform"); bias (true); padding ("same"); batch_norm (false: between
-- convolution and activation) with momentum (0.99) and epsilon (1e-3), Keras' defaults, as benchmarked.
--
-- Options of all with pooling: pooling ("max" or "average"), pool (the size; 1 with stride 1 is no pooling),
-- pool_stride (where a network sets none: the size), pool_padding ("valid" or "same"), conv_dropout (0: the
-- rate after each pooling). filters, kernel, stride, pool and pool_stride are numbers for all convolutions or
-- lists with an entry for each. As long as the lists that are given are, so many convolutions there are; where none is,
-- a network has as many as by default: kernel = 9 changes the kernels and not how many there are.
--
-- Options of the head: head ("flatten", "global" for the mean over positions, "global_max"); units (a list:
-- the hidden dense layers), dense_activation ("linear"), dense_batch_norm (false: behind the activation),
-- dense_initializer ("glorot_uniform"), output_initializer ("glorot_uniform"), dropout (the rate before each
-- hidden dense layer and before the output).
local models = {}
for _, part in ipairs { "plain", "inception", "residual" } do
  for name, construct in pairs(require("moonbow.models." .. part)) do models[name] = construct end
end

return models
