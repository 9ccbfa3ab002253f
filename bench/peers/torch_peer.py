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


def training_step(x, y):
    """A function that makes a step and returns the loss before it."""
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4, fused=True)
    loss_of = compiled(lambda: F.cross_entropy(model(x), y))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def inference(size):
    x, _ = batch(size)
    model.eval()
    if mode == "compiled":
        from torch._inductor import config

        config.freezing = True  # weights are constants
    forward = compiled(model, dynamic=False)  # for this size, not for sizes in general
    with torch.no_grad():
        return common.runs(lambda: forward(x), job["seconds"])


def agreement():
    x, y = common.given_batch(job)
    x, y = torch.from_numpy(x).transpose(1, 2).contiguous(), torch.from_numpy(y)
    with torch.no_grad():
        outputs = compiled(model.eval())(x).flatten().tolist()
    step = training_step(x, y)
    common.emit(outputs=outputs, losses=[step() for _ in range(job["steps"])])


model = torch_network.make(job, common.Weights(job["weights"]) if "weights" in job else None)
common.emit(version=torch.__version__, parameters=sum(p.numel() for p in model.parameters()))
common.run_sections(
    sections,
    training=lambda: common.runs(training_step(*batch(job["batch"])), job["seconds"]),
    inference=lambda: inference(job["batch"]),
    latency=lambda: inference(1),
    agreement=agreement,
)
