-- Layers that no other program gets (but LSTM, which Keras gets): each is refused with its place. They take (N, 9, 2).
local nn = require("moonbow").nn

return function()
  return {
    nn.Conv1dTranspose { filters = 2, kernel = 2 }, nn.Upsample1d { factor = 2 }, nn.GRU { units = 2 },
    nn.MultiHeadAttention { heads = 2 }, nn.Graph { inputs = { "x" }, { name = "y", from = "x", nn.ReLU {} } },
  }
end
