"""PyTorch for bench/layers.lua: reads names of cases, prints seconds."""

import os
import re
import sys
import time

import torch

threads = int(os.environ["OMP_NUM_THREADS"])
torch.set_num_threads(threads)
now = time.process_time if threads == 1 else time.perf_counter
made = {}


def make(name):
    """What is timed of a name, its module, and its input."""
    numbers = [int(n) for n in re.findall(r"\d+", name.replace("Conv1d", ""))]
    if name.startswith("Conv1d"):
        channels, filters, groups, kernel = numbers
        layer = torch.nn.Conv1d(channels, filters, kernel, groups=groups, padding="same")
        return layer, layer, torch.randn(32, channels, 1000)
    if name.startswith(("LSTM", "GRU")):
        channels, units, batch, length = numbers
        layer = getattr(torch.nn, name.split()[0])(channels, units, batch_first=True)
        return lambda x: layer(x)[0][:, -1], layer, torch.randn(batch, length, channels)
    if name.startswith("Attention"):
        channels, heads, batch, length = numbers
        layer = torch.nn.MultiheadAttention(channels, heads, batch_first=True)
        return lambda x: layer(x, x, x, need_weights=False)[0], layer, torch.randn(batch, length, channels)
    raise ValueError(name)


def run(name):
    case, mode = name.rsplit(", ", 1)
    if case not in made:
        made.clear()
        made[case] = make(case)
    call, layer, x = made[case]
    begin = now()
    if mode == "inference":
        with torch.inference_mode():
            call(x)
    else:
        x.requires_grad_(True)
        call(x).sum().backward()
        x.grad = None
        layer.zero_grad()
    return now() - begin


for line in sys.stdin:
    name = line.strip()
    if name == "end":
        break
    if name.rsplit(", ", 1)[0] not in made:
        run(name)
    print(run(name), flush=True)
