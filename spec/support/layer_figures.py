"""Figures of PyTorch for the random cases of layer_cases.lua: layer_figures.py CASES.json, which write_layer_figures.lua
calls. For each case it prints two figures, in double: the sum of y * dy, and the sum of gradient * draw over the input
and the parameters. Input, parameters, dy and these draws are normal, from numpy.random.default_rng(seed of the case),
in this order; parameters are divided by the root of the product of all sizes but the last. NaN counts 7.
"""

import json
import sys

import numpy
import torch
from torch.nn import functional as F

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
               "hard_sigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1), None: lambda x: x}


def padding_of(o, length, span):
    """Points on the left and on the right."""
    padding, stride = o["padding"], o["stride"]
    if padding == "same":
        points = max((-(-length // stride) - 1) * stride + span - length, 0)
        return points // 2, points - points // 2
    return {"valid": (0, 0), "causal": (span - 1, 0)}.get(padding) if isinstance(padding, str) else (
        padding if isinstance(padding, list) else (padding, padding))


def span_of(o):
    return (o["kernel"] - 1) * o["dilation"] + 1


def conv1d(x, p, o):
    x = F.pad(x.transpose(1, 2), padding_of(o, x.shape[1], span_of(o)))
    y = F.conv1d(x, p["weight"].permute(2, 1, 0).contiguous(), p.get("bias"), o["stride"], 0, o["dilation"], o["groups"])
    return ACTIVATIONS[o.get("activation")](y).transpose(1, 2)


def conv1d_transpose(x, p, o):
    length = x.shape[1]
    y = F.conv_transpose1d(x.transpose(1, 2), p["weight"].permute(2, 1, 0).contiguous(), None, o["stride"], dilation=o["dilation"])
    result = length * o["stride"]
    left, right = padding_of(o, result if o["padding"] == "same" else length, span_of(o))
    if o["padding"] != "same":
        result = y.shape[2] - left - right
    y = F.pad(y, (0, max(left + result - y.shape[2], 0)))[:, :, left:left + result].transpose(1, 2)
    return y + p["bias"] if "bias" in p else y


def upsample1d(x, p, o):
    return F.interpolate(x.transpose(1, 2), scale_factor=o["factor"], mode=o["mode"]).transpose(1, 2)


def lstm_by_steps(x, p, o, prefix):
    gate, activate = ACTIVATIONS[o["gate_activation"]], ACTIVATIONS[o["activation"]]
    h = c = x.new_zeros(x.shape[0], o["units"])
    states = []
    for t in range(x.shape[1]):
        i, f, g, out = (x[:, t] @ p[prefix + "weight"] + h @ p[prefix + "recurrent_weight"]
                        + p[prefix + "bias"]).chunk(4, 1)
        c = gate(f) * c + gate(i) * activate(g)
        h = gate(out) * activate(c)
        states.append(h)
    return torch.stack(states, 1)


def states_of(x, p, o, prefix, kind):
    if kind == "LSTM" and (o["activation"], o["gate_activation"]) != ("tanh", "sigmoid"):
        return lstm_by_steps(x, p, o, prefix)
    weights = [p[prefix + name] for name in ("weight", "recurrent_weight", "bias")]
    zero = torch.zeros_like(weights[2])
    if kind == "GRU":  # update, reset, candidate; PyTorch has the reset gate first
        z, r, n = (torch.arange(o["units"]) + k * o["units"] for k in range(3))
        order = torch.cat([r, z, n])
        weights = [w[..., order] for w in weights]
        zero = torch.cat([zero[:2 * o["units"]], p[prefix + "recurrent_bias"]])
    run, state = (torch._VF.lstm, 2) if kind == "LSTM" else (torch._VF.gru, 1)
    start = tuple(x.new_zeros(1, x.shape[0], o["units"]) for _ in range(state))
    return run(x, start if state == 2 else start[0], [weights[0].T, weights[1].T, weights[2], zero], True, 1, 0.0,
               False, False, True)[0]


def recurrent(kind):
    def run(x, p, o):
        parts = []
        for prefix in ["", "reverse_"] if o["bidirectional"] else [""]:
            states = states_of(x.flip(1) if prefix else x, p, o, prefix, kind)
            if o["return_sequences"]:
                parts.append(states.flip(1) if prefix else states)
            else:
                parts.append(states[:, -1])
        return torch.cat(parts, -1)
    return run


def attention(x, p, o):
    by_length, length = x.transpose(0, 1), x.shape[1]
    later = torch.ones(length, length, dtype=torch.bool).triu(1) if o["causal"] else None
    y, _ = F.multi_head_attention_forward(
        by_length, by_length, by_length, x.shape[2], o["heads"], p["weight"].T, p.get("bias"), None, None, False, 0.0,
        p["output_weight"].T, p.get("output_bias"), need_weights=False, attn_mask=later)
    return y.transpose(0, 1)


def group_norm(x, p, o):
    return torch.group_norm(x.transpose(1, 2), o["groups"], p["gamma"], p["beta"], o["epsilon"]).transpose(1, 2)


def squeeze_excite(x, p, o):
    units = torch.relu(x.mean(1) @ p["squeeze_weight"] + p["squeeze_bias"])
    return x * torch.sigmoid(units @ p["excite_weight"] + p["excite_bias"])[:, None]


def position(x, p, o):
    place = torch.linspace(-1, 1, x.shape[1], dtype=x.dtype)
    return torch.cat([x, place[None, :, None].expand(x.shape[0], -1, 1)], 2)


LAYERS = {"Conv1d": conv1d, "Conv1dTranspose": conv1d_transpose, "Upsample1d": upsample1d, "LSTM": recurrent("LSTM"),
          "GRU": recurrent("GRU"), "MultiHeadAttention": attention, "GroupNorm": group_norm,
          "SqueezeExcite": squeeze_excite, "Position": position}


def figures(case):
    g = numpy.random.default_rng(case["seed"])

    def normal(shape):
        return torch.from_numpy(g.normal(size=shape))

    def weighed(values, weights):
        return torch.where(values.isnan(), 7.0, values).mul(weights).sum().item()

    x = normal(case["shape"])
    if "hole" in case:
        x.view(-1)[case["hole"] - 1] = float("nan")
    x.requires_grad_()
    parameters = {name: normal(shape).div(numpy.sqrt(numpy.prod(shape[:-1]))).requires_grad_()
                  for name, shape in case["parameters"]}
    y = LAYERS[case["type"]](x, parameters, case["options"])
    dy = normal(tuple(y.shape))
    y.backward(dy)
    leaves = [x] if case["leaves"] == "input" else [x, *parameters.values()]
    backward = sum(weighed(v.grad, normal(tuple(v.shape))) for v in leaves)
    return weighed(y.detach(), dy), backward


torch.set_num_threads(1)
with open(sys.argv[1]) as file:
    for case in json.load(file):
        print("%.9g %.9g" % figures(case))
