--- Modules of Python for what PyTorch has none for, by name.

-- A recurrence by the name of PyTorch's.
-- @param last what it returns beside all states
local function recurrence(name, last)
  return ([[
class NAME(nn.NAME):  # the states of all points, or the last one of each direction
    def __init__(self, channels, units, sequences=False, bidirectional=False):
        super().__init__(channels, units, batch_first=True, bidirectional=bidirectional)
        self.sequences = sequences

    def forward(self, x):
        states, LAST = super().forward(x.transpose(1, 2))
        return states.transpose(1, 2) if self.sequences else torch.cat(list(last), 1)
]]):gsub("NAME", name):gsub("LAST", last)
end

return {
  AvgPool = [[
class AvgPool(nn.Module):  # means of windows, in which padded points do not count
    def __init__(self, size, stride, left, right):
        super().__init__()
        self.size, self.stride, self.pad = size, stride, nn.ConstantPad1d((left, right), 0.0)

    def forward(self, x):
        def mean(values):
            return nn.functional.avg_pool1d(self.pad(values), self.size, self.stride)
        return mean(x) / mean(torch.ones_like(x))
]],
  ChannelNorm = [[
class ChannelNorm(nn.LayerNorm):  # over the channels of each point
    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)
]],
  SqueezeExcite = [[
class SqueezeExcite(nn.Module):
    def __init__(self, channels, units):
        super().__init__()
        self.squeeze, self.excite = nn.Linear(channels, units), nn.Linear(units, channels)

    def forward(self, x):
        return x * self.excite(self.squeeze(x.mean(2)).relu()).sigmoid().unsqueeze(2)
]],
  Position = [[
class Position(nn.Module):  # one more channel: the place along the length
    def forward(self, x):
        length = x.shape[2]
        place = torch.linspace(-1, 1, length) if length > 1 else torch.tensor([-1.0])
        return torch.cat([x, place.to(x).expand(len(x), 1, length)], 1)
]],
  Residual = [[
class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))
]],
  Concat = [[
class Concat(nn.ModuleList):
    def __init__(self, *branches):
        super().__init__(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self], 1)
]],
  LSTM = recurrence("LSTM", "(last, _)"), GRU = recurrence("GRU", "last"),
  SelfAttention = [[
class SelfAttention(nn.MultiheadAttention):
    def __init__(self, channels, heads, bias=True):
        super().__init__(channels, heads, bias=bias, batch_first=True)

    def forward(self, x):
        x = x.transpose(1, 2)
        return super().forward(x, x, x, need_weights=False)[0].transpose(1, 2)
]],
  Graph = [=[
class Graph(nn.Module):  # nodes: (name, names of what they take, how these are joined, number of the layer)
    def __init__(self, inputs, outputs, nodes, *layers):
        super().__init__()
        self.inputs, self.outputs, self.nodes, self.layers = inputs, outputs, nodes, nn.ModuleList(layers)

    def forward(self, x):
        values = dict(x) if isinstance(x, dict) else {self.inputs[0]: x}
        for name, sources, join, layer in self.nodes:
            y, *others = (values[source] for source in sources)
            if others and join == "concat":
                y, others = torch.cat([y, *others], 1), []
            for other in others:
                y = y + other if join == "add" else y * other
            values[name] = y if layer is None else self.layers[layer](y)
        results = {name: values[name] for name in self.outputs}
        return results if len(results) > 1 else results[self.outputs[0]]
]=],
}
