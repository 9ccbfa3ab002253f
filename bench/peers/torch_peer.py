"""PyTorch: torch_peer.py eager|compiled JOB.json SECTION,..."""

import common

mode, job, sections = common.read_arguments()

import torch
import torch.nn.functional as F

import torch_network

torch.set_num_threads(job["threads"])
torch.manual_seed(1)


def compiled(f, **options):
    return torch.compile(f, **options) if mode == "compiled" else f


def batch(size):
    x, y = common.batch(job, size)
    return torch.from_numpy(x).transpose(1, 2).contiguous(), torch.from_numpy(y)


def training():
    x, y = batch(job["batch"])
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4, fused=True)
    loss_of = compiled(lambda: F.cross_entropy(model(x), y))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of().backward()
        optimizer.step()

    return common.runs(step, job["seconds"])


def inference(size):
    x, _ = batch(size)
    model.eval()
    if mode == "compiled":
        from torch._inductor import config

        config.freezing = True  # weights are constants
    forward = compiled(model, dynamic=False)  # for this size, not for sizes in general
    with torch.no_grad():
        return common.runs(lambda: forward(x), job["seconds"])


def outputs():
    model.eval()
    x = common.Weights(job["inputs"]).take(job["batch"], job["length"], 1)
    with torch.no_grad():
        return compiled(model)(torch.from_numpy(x.copy()).transpose(1, 2)).flatten().tolist()


model = torch_network.make(job, common.Weights(job["weights"]) if "weights" in job else None)
common.emit(version=torch.__version__, parameters=sum(p.numel() for p in model.parameters()))
for section in sections:
    if section == "outputs":
        common.emit(section=section, outputs=outputs())
        continue
    seconds = {
        "training": training,
        "inference": lambda: inference(job["batch"]),
        "latency": lambda: inference(1),
    }[section]()
    common.emit(section=section, seconds=seconds, peak_mb=common.peak_mb())
