"""Exports networks of PyTorch as ONNX: torch_export.py [--dynamo] FOLDER

For each NAME.py there are NAME.safetensors and NAME.x.npy (N, L, C); it writes NAME.onnx by the exporter of traces, or,
with --dynamo, by torch.export.
"""

import os
import runpy
import sys
import warnings

import numpy
import torch
from safetensors.torch import load_file

warnings.simplefilter("ignore")
is_dynamo, folder = sys.argv[1] == "--dynamo", sys.argv[-1]
for name in sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py")):
    path = os.path.join(folder, name)
    network = runpy.run_path(path + ".py")["network"]
    network.load_state_dict(load_file(path + ".safetensors"))
    network.eval()
    x = torch.from_numpy(numpy.load(path + ".x.npy")[:2]).transpose(1, 2).contiguous()
    names = {"input_names": ["x"], "output_names": ["y"]}
    if is_dynamo:
        torch.onnx.export(network, (x,), path + ".onnx", dynamo=True, external_data=False, verbose=False,
                          dynamic_shapes=({0: torch.export.Dim("n")},), **names)
    else:
        torch.onnx.export(network, (x,), path + ".onnx", dynamo=False, opset_version=17,
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, **names)
