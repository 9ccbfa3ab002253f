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


def agreement():
    x, _ = common.given_batch(job)
    common.emit(outputs=session(job["batch"]).run(None, {"x": x.transpose(0, 2, 1)})[0].flatten().tolist())


model = torch_network.make(job, common.Weights(job["weights"]) if "weights" in job else None).eval()
common.emit(version=onnxruntime.__version__, parameters=sum(p.numel() for p in model.parameters()))
common.run_sections(
    sections,
    inference=lambda: inference(job["batch"]),
    latency=lambda: inference(1),
    agreement=agreement,
)
