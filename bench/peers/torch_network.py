"""Networks for PyTorch from moonbow's description. Tensors are (N, C, L), as PyTorch has them."""

import torch
from torch import nn

from common import check, same_padding


class Residual(nn.Module):
    def __init__(self, body, shortcut, activation):
        super().__init__()
        self.body, self.shortcut, self.activation = body, shortcut, activation

    def forward(self, x):
        return self.activation(self.body(x) + self.shortcut(x))


class Concat(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def activation(name, alpha=None):
    """A list of one module, or of none."""
    if name in (None, "linear"):
        return []
    if name == "leaky_relu":
        return [nn.LeakyReLU(0.01 if alpha is None else alpha)]
    return [{"relu": nn.ReLU, "elu": nn.ELU, "gelu": nn.GELU, "tanh": nn.Tanh}[name]()]


def activation_of(config):
    return activation(config.get("activation"), config.get("alpha"))


class Builder:
    """Builds modules, and remembers how to fill each from moonbow's weights."""

    def __init__(self):
        self.parameters, self.buffers = [], []
        self.flat = None  # channels and length of the maps that were flattened last

    def build(self, config, shape):
        """The module of a description for inputs of a shape, and the shape of its output."""
        check(config)
        return getattr(self, config["type"])(config, shape)

    def Sequential(self, config, shape):
        parts = []
        for part in config["layers"]:
            module, shape = self.build(part, shape)
            parts.append(module)
        return nn.Sequential(*parts), shape

    def Residual(self, config, shape):
        body, result = self.build(config["layers"][0], shape)
        shortcut = self.build(config["layers"][1], shape)[0] if len(config["layers"]) > 1 else nn.Identity()
        return Residual(body, shortcut, nn.Sequential(*activation_of(config))), result

    def Concat(self, config, shape):
        built = [self.build(branch, shape) for branch in config["layers"]]
        return Concat([module for module, _ in built]), (sum(out[0] for _, out in built), built[0][1][1])

    def Conv1d(self, config, shape):
        channels, length = shape
        filters, kernel, stride = config["filters"], config["kernel"], config.get("stride", 1)
        assert config["padding"] == "same"
        left, right, result = same_padding(length, kernel, stride)
        bias = config.get("bias", True)
        padding = left if left == right else 0
        conv = nn.Conv1d(channels, filters, kernel, stride, padding, bias=bias)
        pad = [] if left == right else [nn.ConstantPad1d((left, right), 0.0)]
        self.parameters.append((conv.weight, lambda w: w.take(kernel, channels, filters).transpose(2, 1, 0)))
        if bias:
            self.parameters.append((conv.bias, lambda w: w.take(filters)))
        return nn.Sequential(*pad, conv, *activation_of(config)), (filters, result)

    def BatchNorm1d(self, config, shape):
        norm = nn.BatchNorm1d(shape[0], eps=config["epsilon"], momentum=1 - config["momentum"])
        for values, place in (
            (norm.weight, self.parameters),
            (norm.bias, self.parameters),
            (norm.running_mean, self.buffers),
            (norm.running_var, self.buffers),
        ):
            place.append((values, lambda w: w.take(shape[0])))
        return nn.Sequential(norm, *activation_of(config)), shape

    def MaxPool1d(self, config, shape):
        size = config["size"]
        stride = config.get("stride", size)
        assert config["padding"] == "valid"
        return nn.MaxPool1d(size, stride), (shape[0], (shape[1] - size) // stride + 1)

    def AvgPool1d(self, config, shape):
        size, stride = config["size"], config.get("stride", config["size"])
        left, right, result = same_padding(shape[1], size, stride)
        assert config["padding"] == "same" and left == right
        return nn.AvgPool1d(size, stride, left, count_include_pad=False), (shape[0], result)

    def Activation(self, config, shape):
        return nn.Sequential(*activation(config["name"], config.get("alpha"))), shape

    def Dropout(self, config, shape):
        return nn.Dropout(config["rate"]), shape

    def Flatten(self, config, shape):
        self.flat = shape
        return nn.Flatten(), (shape[0] * shape[1],)

    def Dense(self, config, shape):
        inputs, units = shape[0], config["units"]
        dense, flat = nn.Linear(inputs, units), self.flat
        self.flat = None

        def weight(w):
            values = w.take(inputs, units)
            if flat:  # moonbow flattens (L, C), PyTorch (C, L)
                values = values.reshape(flat[1], flat[0], units).transpose(1, 0, 2).reshape(inputs, units)
            return values.T

        self.parameters.append((dense.weight, weight))
        self.parameters.append((dense.bias, lambda w: w.take(units)))
        return nn.Sequential(dense, *activation_of(config)), (units,)


def make(job, weights=None):
    """The network of a job for one channel, with moonbow's weights where they are given."""
    builder = Builder()
    model, _ = builder.build(job["config"], (1, job["length"]))
    if weights:
        with torch.no_grad():
            for values, read in builder.parameters + builder.buffers:
                values.copy_(torch.from_numpy(read(weights).copy()))
        weights.finish()
    return model
