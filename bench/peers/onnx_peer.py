"""ONNX Runtime, with networks exported from PyTorch: onnx_peer.py onnx JOB.json SECTION,..."""

import os
import tempfile

import common

mode, job, sections = common.read_arguments()

import onnxruntime
import torch

import torch_network


def session(size):
    """An inference session of the network for batches of a size."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.onnx")
        example = torch.zeros(size, 1, job["length"])
        torch.onnx.export(model, (example,), path, input_names=["x"], dynamo=False)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def inference(size):
    x = common.batch(job, size)[0].transpose(0, 2, 1).copy()
    network = session(size)
    return common.runs(lambda: network.run(None, {"x": x}), job["seconds"])


def outputs():
    x = common.Weights(job["inputs"]).take(job["batch"], 1, job["length"])
    return session(job["batch"]).run(None, {"x": x})[0].flatten().tolist()


model = torch_network.make(job, common.Weights(job["weights"]) if "weights" in job else None).eval()
common.emit(version=onnxruntime.__version__, parameters=sum(p.numel() for p in model.parameters()))
for section in sections:
    if section == "outputs":
        common.emit(section=section, outputs=outputs())
    else:
        seconds = inference(job["batch"] if section == "inference" else 1)
        common.emit(section=section, seconds=seconds, peak_mb=common.peak_mb())
