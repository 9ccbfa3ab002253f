"""Checks files of ONNX and compares their outputs in ONNX Runtime with expected ones: onnx_compare.py FOLDER

For each NAME.onnx there are NAME.x.npy and NAME.y.npy. It runs batches of 1, 7 and all rows, prints the largest
difference as a share of the largest expected output, removes the files, and ends with code 1 if one is beyond 1e-5.
"""

import os
import sys

import numpy
import onnx
import onnx.reference
import onnxruntime

TOLERANCE = 1e-5
SMALL = 100000  # bytes of a file that the evaluator of the package onnx runs, too: it is slow

onnxruntime.set_default_logger_severity(3)
folder = sys.argv[1]


def difference(got, expected):
    if got.shape != expected.shape or not numpy.array_equal(numpy.isfinite(got), numpy.isfinite(expected)):
        return float("inf")
    is_finite = numpy.isfinite(expected)
    if not is_finite.any():
        return 0.0
    return float(abs(got - expected)[is_finite].max() / max(abs(expected[is_finite]).max(), 1e-30))


def compare(path):
    onnx.checker.check_model(path + ".onnx", full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path + ".onnx", options, providers=["CPUExecutionProvider"])
    x, y = numpy.load(path + ".x.npy"), numpy.load(path + ".y.npy")
    worst = 0.0
    for batch in {1, min(7, len(x)), len(x)}:
        got = session.run(None, {"spectra": x[:batch]})[0]
        worst = max(worst, difference(got, y[:batch]))
    if os.path.getsize(path + ".onnx") < SMALL:
        evaluator = onnx.reference.ReferenceEvaluator(path + ".onnx")
        worst = max(worst, difference(evaluator.run(None, {"spectra": x[:2]})[0], y[:2]))
    return worst


names = sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".onnx"))
worst, bad = (0.0, ""), 0
for name in names:
    path = os.path.join(folder, name)
    try:
        off = compare(path)
    except Exception as error:  # a file that the checker or the runtime refuses
        print(f"  {name}: {error}")
        off = float("inf")
    if off > TOLERANCE:
        print(f"  {name}: off by {off:.1e}")
        bad += 1
    worst = max(worst, (off, name))
    for end in (".onnx", ".x.npy", ".y.npy"):
        os.remove(path + end)
print(f"  onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}: {len(names) - bad} of {len(names)} agree, "
      f"largest difference {worst[0]:.1e} ({worst[1]})")
sys.exit(1 if bad or not names else 0)
