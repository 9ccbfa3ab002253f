--- Checks of networks that other programs get.
local check = require "moonbow.check"
local nn = require "moonbow.nn"

local networks = {}

--- Raises unless a network is built, on spectra or rows.
-- @param program that gets it, for the message
function networks.check(operation, network, program)
  if not nn.is_layer(network) then
    check.fail(operation, "network: expected a layer, got %s", check.show(network))
  end
  if not network.input_shape then
    check.fail(operation, "the network has no weights yet; build or train it first")
  end
  if #network.input_shape > 2 then
    check.fail(operation, "the network takes inputs of shape {N, %s}; %s gets (N, L, C) or (N, C)",
      table.concat(network.input_shape, ", "), program)
  end
end

return networks
