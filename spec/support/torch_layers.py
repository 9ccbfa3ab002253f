"""Exports layers of PyTorch as ONNX: torch_layers.py [--dynamo] FOLDER

For each it writes NAME.onnx, by the exporter of traces or, with --dynamo, by torch.export, NAME.x.npy (N, L, C) and
NAME.y.npy, (N, L, C) or rows.
"""

import os
import sys
import warnings

import numpy
import torch
from torch import nn

warnings.simplefilter("ignore")
is_dynamo, folder = sys.argv[1] == "--dynamo", sys.argv[-1]
LENGTH, CHANNELS = 13, 4


class Recurrent(nn.Module):
    """A recurrent layer over (N, C, L); result(outputs, last states) is what it returns."""

    def __init__(self, layer, result):
        super().__init__()
        self.layer, self.result = layer, result

    def forward(self, x):
        outputs, states = self.layer(x.transpose(1, 2))
        return self.result(outputs, states[0] if isinstance(states, tuple) else states)


def all_states(outputs, states):
    return outputs.transpose(1, 2)


def last_output(outputs, states):
    return outputs[:, -1]


def last_state(outputs, states):
    return states[-1]


def both_last(outputs, states):
    return torch.cat([states[-2], states[-1]], 1)


class TwoBranches(nn.Module):
    """Branches that cross."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv1d(CHANNELS, 3, 3, padding=1), nn.Conv1d(3, 3, 3, padding=1)

    def forward(self, x):
        a = torch.relu(self.a(x))
        b = torch.tanh(self.b(a))
        return torch.cat([a * b, (a + b).sigmoid(), a], 1)


def recurrent(kind, result, layers=1, bidirectional=False):
    layer = kind(CHANNELS, 5, num_layers=layers, batch_first=True, bidirectional=bidirectional)
    return Recurrent(layer, result)


networks = {
    "grouped": nn.Sequential(nn.Conv1d(CHANNELS, 6, 3, groups=2, padding=2, dilation=2), nn.ReLU()),
    "depthwise": nn.Conv1d(CHANNELS, 4, 5, groups=4, stride=2, bias=False),
    "crossing": TwoBranches(),
}
for i, (kernel, options) in enumerate([
    (3, {}), (4, {"stride": 2, "padding": 1}), (3, {"stride": 2, "padding": 1, "output_padding": 1}),
    (3, {"stride": 3, "dilation": 2, "bias": False}), (1, {"stride": 2, "output_padding": 1}),
]):
    networks[f"transposed_{i}"] = nn.Sequential(nn.ConvTranspose1d(CHANNELS, 3, kernel, **options), nn.ELU())
for factor in (2, 3):
    networks[f"nearest_{factor}"] = nn.Upsample(scale_factor=factor)
    networks[f"linear_{factor}"] = nn.Upsample(scale_factor=factor, mode="linear")
networks["linear_size"] = nn.Upsample(size=2 * LENGTH, mode="linear")
for kind in (nn.LSTM, nn.GRU):
    for result in (all_states, last_output, last_state):
        networks[f"{kind.__name__}_{result.__name__}"] = recurrent(kind, result)
    networks[f"{kind.__name__}_both"] = recurrent(kind, all_states, bidirectional=True)
    networks[f"{kind.__name__}_both_last"] = recurrent(kind, both_last, bidirectional=True)
    networks[f"{kind.__name__}_two"] = recurrent(kind, all_states, layers=2, bidirectional=True)

for seed, (name, network) in enumerate(networks.items()):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv1d(CHANNELS, CHANNELS, 1), network).eval()
    x = torch.randn(3, CHANNELS, LENGTH)
    with torch.no_grad():
        y = network(x)
    path = os.path.join(folder, name)
    numpy.save(path + ".x.npy", x.transpose(1, 2).numpy())
    numpy.save(path + ".y.npy", (y.transpose(1, 2) if y.dim() == 3 else y).contiguous().numpy())
    names = {"input_names": ["x"], "output_names": ["y"]}
    if is_dynamo:
        torch.onnx.export(network, (x,), path + ".onnx", dynamo=True, external_data=False, verbose=False,
                          dynamic_shapes=({0: torch.export.Dim("n")},), **names)
    else:
        torch.onnx.export(network, (x,), path + ".onnx", dynamo=False, opset_version=17,
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, **names)
