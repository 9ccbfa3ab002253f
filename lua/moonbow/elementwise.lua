--- The functions of each element, one row each. The operation, the tensor method and help follow from a row; with a
-- layer, so do the activation of that name and the layer.
--
-- A row is { name, its result for an element x, alpha = default of its parameter if it has one, layer = name of
-- its layer if it is an activation, rising = true if it never falls for an alpha of 0 or more }. The kernel of a name
-- is a row of MB_UNARY_OPS in csrc/kernel/moonbow.h.
local elementwise = {
  { "neg", "-x" },
  { "abs", "the absolute value of x" },
  { "exp", "e to the power x" },
  { "log", "the natural logarithm of x" },
  { "sqrt", "the square root of x" },
  { "sin", "the sine of x, an angle in radians" },
  { "cos", "the cosine of x, an angle in radians" },
  { "log1p", "log(1 + x), exact for small x" },
  { "expm1", "exp(x) - 1, exact for small x" },
  { "sign", "1 above 0, -1 below, 0 at 0; its gradient is 0" },
  { "floor", "the largest whole number that is not above x; its gradient is 0" },
  { "ceil", "the least whole number that is not below x; its gradient is 0" },
  { "round", "the nearest whole number, the even one of two; its gradient is 0" },
  { "signed_sqrt", "sqrt(|x| + 0.001) - sqrt(0.001), with the sign of x: lifts weak peaks beside one of height 1",
    layer = "SignedSqrt", rising = true },
  { "tanh", "the hyperbolic tangent of x", layer = "Tanh", rising = true },
  { "sigmoid", "1 / (1 + exp(-x))", layer = "Sigmoid", rising = true },
  { "relu", "x; 0 below 0", layer = "ReLU", rising = true },
  { "leaky_relu", "x; alpha x below 0", layer = "LeakyReLU", rising = true, alpha = 0.01 },
  { "elu", "x; alpha (exp(x) - 1) below 0 (Clevert et al. 2015)", layer = "ELU", rising = true, alpha = 1 },
  { "gelu", "x/2 (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel 2016)", layer = "GELU" },
  { "selu", "1.0507 x; 1.7581 (exp(x) - 1) below 0 (Klambauer et al. 2017)", layer = "SELU", rising = true },
  { "softplus", "log(1 + exp(x))", layer = "Softplus", rising = true },
}

local of_method, of_layer = {}, {}
for _, row in ipairs(elementwise) do
  of_method[row[1]] = row
  if row.layer then of_layer[row.layer] = row end
end

--- Returns the row of an operation; nil if it has none.
function elementwise.find(name) return of_method[name] end

--- Returns the doc comment, as a list of lines, of a method, an activation or a layer that follows from a row; nil for
-- any other name.
function elementwise.help(name)
  local row, is_layer = of_method[name] or of_layer[name], of_layer[name] ~= nil
  if not row then return nil end
  local lines = { ("For each element x: %s."):format(row[2]) }
  if row.layer and not is_layer then
    lines[1] = ("%s Also an activation of this name, and the layer nn.%s."):format(lines[1], row.layer)
  end
  if row.alpha then
    lines[2] = is_layer and ("@option alpha the parameter; %g without it"):format(row.alpha)
      or ("@param alpha? number the parameter (%g)"):format(row.alpha)
  end
  lines[#lines + 1] = is_layer and "@return layer" or "@return tensor of the shape of x"
  return lines
end

return elementwise
