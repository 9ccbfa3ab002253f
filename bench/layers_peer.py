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
    """The module of a name, and its input."""
    numbers = [int(n) for n in re.findall(r"\d+", name.replace("Conv1d", ""))]
    if name.startswith("Conv1d"):
        channels, filters, groups, kernel = numbers
        layer = torch.nn.Conv1d(channels, filters, kernel, groups=groups, padding="same")
        return layer, torch.randn(32, channels, 1000)
    raise ValueError(name)


def run(name):
    case, mode = name.rsplit(", ", 1)
    if case not in made:
        made.clear()
        made[case] = make(case)
    layer, x = made[case]
    begin = now()
    if mode == "inference":
        with torch.inference_mode():
            layer(x)
    else:
        x.requires_grad_(True)
        layer(x).sum().backward()
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
