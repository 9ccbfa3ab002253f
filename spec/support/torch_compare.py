"""Compares networks of PyTorch with expected outputs: torch_compare.py [--save] FOLDER

For each NAME.safetensors there are NAME.py, NAME.x.npy (spectra or rows as moonbow has them; NAME.x.INPUT.npy for each
of several inputs) and NAME.y.npy (or NAME.y.OUTPUT.npy). It loads the weights strictly, prints the largest difference as a share of the largest expected output, and ends with code 1 if
one is beyond 1e-5. With --save, it writes what state_dict() gives, as NAME.back.safetensors.
"""

import os
import runpy
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file

TOLERANCE = 1e-5
saves, folder = sys.argv[1] == "--save", sys.argv[-1]
torch.set_num_threads(1)


def channels_first(x):
    return x.transpose(1, 2) if x.dim() == 3 else x


def read(path, kind):
    """The tensors of a case by name, channels first; a single one alone."""
    start = os.path.basename(path) + kind
    names = [name for name in os.listdir(folder) if name.startswith(start) and name.endswith(".npy")]
    found = {name[len(start) + 1:-4]: channels_first(torch.from_numpy(numpy.load(os.path.join(folder, name))))
             for name in names}
    return found.get("", found)


def difference(got, y):
    if isinstance(y, dict):
        return max(difference(got[name], expected) for name, expected in y.items())
    if got.shape != y.shape:
        return float("inf")
    return float((got - y).abs().max() / y.abs().max().clamp(min=1e-30))


def compare(path):
    network = runpy.run_path(path + ".py")["network"]
    network.load_state_dict(load_file(path + ".safetensors"))
    network.eval()
    if saves:
        save_file({name: value.clone() for name, value in network.state_dict().items()}, path + ".back.safetensors")
    with torch.no_grad():
        return difference(network(read(path, ".x")), read(path, ".y"))


names = sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py"))
worst, bad = (0.0, ""), 0
for name in names:
    off = compare(os.path.join(folder, name))
    if not off <= TOLERANCE:
        print(f"  {name}: off by {off:.1e}")
        bad += 1
    worst = max(worst, (off, name))
print(f"  PyTorch {torch.__version__}: {len(names) - bad} of {len(names)} agree, largest difference {worst[0]:.1e} "
      f"({worst[1]})")
sys.exit(1 if bad or not names else 0)
