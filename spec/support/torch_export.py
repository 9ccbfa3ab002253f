"""Exports networks of PyTorch as ONNX, by its exporter of traces: torch_export.py FOLDER

For each NAME.py there is a NAME.safetensors; it writes NAME.onnx for spectra of 347 points.
"""

import os
import runpy
import sys
import warnings

import torch
from safetensors.torch import load_file

warnings.simplefilter("ignore")
folder = sys.argv[1]
for name in sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py")):
    path = os.path.join(folder, name)
    network = runpy.run_path(path + ".py")["network"]
    network.load_state_dict(load_file(path + ".safetensors"))
    network.eval()
    torch.onnx.export(network, (torch.rand(2, 1, 347),), path + ".onnx", dynamo=False, opset_version=17,
                      input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
