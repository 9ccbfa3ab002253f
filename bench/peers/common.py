"""What the peers share: reading a job, timing, reporting. See bench/frameworks.lua."""

import json
import sys
import time

import numpy as np


def read_arguments():
    """MODE JOB.json SECTION,... on the command line."""
    mode, path, sections = sys.argv[1:4]
    with open(path) as file:
        return mode, json.load(file), sections.split(",")


def emit(**result):
    print(json.dumps(result), flush=True)


def runs(step, seconds, warm_up=2, least=3):
    """The seconds of each run: at least three, and as many more as fit into the time given."""
    for _ in range(warm_up):
        step()
    times = []
    while len(times) < least or sum(times) < seconds:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return times


def peak_mb():
    """The most memory that was ever resident."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024


def batch(job, size):
    """Spectra (N, L, C) and labels from 0."""
    rng = np.random.default_rng(1)
    x = rng.random((size, job["length"], 1), dtype=np.float32)
    return x, rng.integers(0, job["classes"], size)


def given_batch(job):
    """The spectra of a job that compares frameworks, and labels from 0."""
    x = Weights(job["inputs"]).take(job["batch"], job["length"], 1)
    return x.copy(), np.arange(job["batch"]) % job["classes"]


def run_sections(sections, agreement, **timed):
    """Runs what was asked for. Timed sections give the seconds of their runs; agreement reports by itself."""
    for section in sections:
        if section == "agreement":
            agreement()
        else:
            emit(section=section, seconds=timed[section](), peak_mb=peak_mb())


OPTIONS = {
    "Sequential": {"name"},
    "Residual": {"activation", "alpha", "name"},
    "Concat": {"name"},
    "Conv1d": {"filters", "kernel", "stride", "padding", "bias", "initializer", "activation"},
    "BatchNorm1d": {"momentum", "epsilon", "activation", "alpha"},
    "MaxPool1d": {"size", "stride", "padding"},
    "AvgPool1d": {"size", "stride", "padding"},
    "Activation": {"name", "alpha"},
    "Dropout": {"rate"},
    "Flatten": set(),
    "Dense": {"units", "initializer", "activation"},
}


def check(config):
    """Refuses a layer or an option that the peers do not know, lest they compute something else."""
    unknown = set(config) - OPTIONS[config["type"]] - {"type", "layers"}
    assert not unknown, f"{config['type']}: no peer knows {unknown}"


def same_padding(length, kernel, stride):
    """Points before and after, as Keras pads; and the length of the result."""
    result = -(-length // stride)
    total = max((result - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2, result


class Weights:
    """Weights in moonbow's order and layout, from a file of 32-bit floats."""

    def __init__(self, path):
        self.values = np.fromfile(path, dtype=np.float32)
        self.at = 0

    def take(self, *shape):
        count = int(np.prod(shape))
        self.at += count
        return self.values[self.at - count : self.at].reshape(shape)

    def finish(self):
        assert self.at == len(self.values), f"{len(self.values)} weights, {self.at} used"
