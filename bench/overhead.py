"""The step of bench/overhead.lua in PyTorch eager: python bench/overhead.py [THREADS]"""
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
torch.manual_seed(1)
model = nn.Sequential(
    nn.Conv1d(1, 16, 5), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 32, 5), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(32, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 45, 10))
x, y = torch.randn(16, 1, 200), torch.randint(0, 10, (16,))
optimizer = torch.optim.Adam(model.parameters())
loss_of = nn.CrossEntropyLoss()
a, b = torch.randn(10), torch.randn(10)


def step():
    optimizer.zero_grad()
    loss_of(model(x), y).backward()
    optimizer.step()


def inference():
    with torch.inference_mode():
        model(x)


def report(name, f):
    count, best = 1, float("inf")

    def run():
        begin = time.perf_counter()
        for _ in range(count):
            f()
        return (time.perf_counter() - begin) * 1e6

    while run() < 5e4:
        count *= 2
    print(f"{name:28} {min(run() / count for _ in range(5)):8.2f} us")


print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
report("x + y", lambda: a + b)
report("step of a small CNN", step)
report("its inference", inference)
