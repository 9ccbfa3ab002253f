"""Checks files of ONNX and compares their outputs in ONNX Runtime with expected ones: onnx_compare.py FOLDER

For each NAME.onnx there are NAME.x.npy and NAME.y.npy, or NAME.x.INPUT.npy and NAME.y.OUTPUT.npy of several. It runs
batches of 1, 7 and all rows; small files in the evaluator of the package onnx, too, and in PyTorch by onnx2torch if
that is there, both as far as they know the operators. It prints the largest difference as a share of the largest
expected output, removes the files, and ends with code 1 if one is beyond 1e-5.
"""

import glob
import os
import sys
import warnings

import numpy
import onnx
import onnx.reference
import onnxruntime

try:
    import onnx2torch
    import torch
except ImportError:
    onnx2torch = None

TOLERANCE = 1e-5
SMALL = 100000  # bytes of a file for the slow ones

warnings.simplefilter("ignore")
onnxruntime.set_default_logger_severity(3)
folder = sys.argv[1]


def difference(got, expected):
    if got.shape != expected.shape or not numpy.array_equal(numpy.isfinite(got), numpy.isfinite(expected)):
        return float("inf")
    is_finite = numpy.isfinite(expected)
    if not is_finite.any():
        return 0.0
    return float(abs(got - expected)[is_finite].max() / max(abs(expected[is_finite]).max(), 1e-30))


def load(path, names):
    if len(names) == 1 and os.path.exists(path + ".npy"):
        return {names[0]: numpy.load(path + ".npy")}
    return {name: numpy.load(f"{path}.{name}.npy") for name in names}


class Case:
    def __init__(self, path):
        self.path = path + ".onnx"
        self.model = onnx.load(self.path)
        self.x = load(path + ".x", [value.name for value in self.model.graph.input])
        self.y = load(path + ".y", [value.name for value in self.model.graph.output])

    def off(self, run, batch):
        """The largest difference of what run(inputs by name) returns, a list, for the first rows."""
        got = run({name: value[:batch] for name, value in self.x.items()})
        return max(difference(one, y[:batch]) for one, y in zip(got, self.y.values()))


def in_runtime(case):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(case.path, options, providers=["CPUExecutionProvider"])
    rows = len(next(iter(case.x.values())))
    return max(case.off(lambda x: session.run(None, x), batch) for batch in {1, min(7, rows), rows})


def in_evaluator(case):
    """None for a graph that it refuses, or of which it leaves attributes aside: the activations of an LSTM."""
    for node in case.model.graph.node:
        if any(attribute.name == "activations" for attribute in node.attribute):
            return None
    try:
        return case.off(lambda x: onnx.reference.ReferenceEvaluator(case.path).run(None, x), 2)
    except RuntimeError as error:  # before onnx 1.16: both directions, groups of a transposed convolution
        if isinstance(error, NotImplementedError) or "not implemented" in str(error):
            return None
        raise


def in_pytorch(case):
    """None for a graph that onnx2torch refuses, and for LSTM and GRU, whose left-out outputs it looks for before."""
    if any(node.op_type in ("LSTM", "GRU") for node in case.model.graph.node):
        return None
    try:
        network = onnx2torch.convert(case.model).eval()
    except NotImplementedError:
        return None

    def run(x):
        with torch.no_grad():
            results = network(*(torch.from_numpy(value) for value in x.values()))
        return [value.numpy() for value in (results if isinstance(results, (list, tuple)) else [results])]

    return case.off(run, 7)


programs = {f"ONNX Runtime {onnxruntime.__version__}": in_runtime, f"onnx {onnx.__version__}": in_evaluator}
if onnx2torch:
    programs[f"onnx2torch, PyTorch {torch.__version__}"] = in_pytorch
found = {program: [] for program in programs}
bad = 0
names = sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".onnx"))
for name in names:
    path = os.path.join(folder, name)
    is_small = os.path.getsize(path + ".onnx") < SMALL
    for program, compare in programs.items():
        try:
            onnx.checker.check_model(path + ".onnx", full_check=True)
            off = compare(Case(path)) if is_small or compare == in_runtime else None
        except Exception as error:  # a file that the checker or a program refuses
            print(f"  {name}: {program}: {error}")
            off = float("inf")
        if off is not None:
            found[program].append((off, name))
            if off > TOLERANCE:
                print(f"  {name}: off by {off:.1e} in {program}")
                bad += 1
    for file in glob.glob(glob.escape(path) + ".*"):
        os.remove(file)
for program, offs in found.items():
    good = sum(off <= TOLERANCE for off, _ in offs)
    worst = max(offs, default=(0.0, "none"))
    print(f"  {program}: {good} of {len(offs)} agree, largest difference {worst[0]:.1e} ({worst[1]})")
sys.exit(1 if bad or not names else 0)
