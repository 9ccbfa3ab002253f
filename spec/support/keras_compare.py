"""Compares models of Keras with expected outputs: keras_compare.py FOLDER

For each NAME.keras there are NAME.h5, NAME.weights.h5, the input NAME.x.npy (or NAME.x.INPUT.npy for each of several)
and the output NAME.y.npy (or NAME.y.OUTPUT.npy). It loads the model from both, and the weights into the model with new
ones, prints the largest difference as a share of the largest expected output, saves the model as NAME.back.keras,
NAME.back.h5 and NAME.back.weights.h5, and ends with code 1 if a difference is beyond 1e-5.

Keras 2 gets NAME.h5 alone, and saves NAME.back.h5; files with layers or activations that it does not have are counted.
MOONBOW_KERAS is the module to import, such as tf_keras (keras unless given).
"""

import importlib
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy

keras = importlib.import_module(os.environ.get("MOONBOW_KERAS", "keras"))

TOLERANCE = 1e-5
IS_3 = keras.__version__.startswith("3")
folder = sys.argv[1]


def read(path, kind):
    """The arrays of a case by name; a single one has the name ''."""
    start = os.path.basename(path) + kind
    names = [name for name in os.listdir(folder) if name.startswith(start) and name.endswith(".npy")]
    return {name[len(start) + 1:-4]: numpy.load(os.path.join(folder, name)) for name in names}


def difference(model, path):
    x, y = read(path, ".x"), read(path, ".y")
    given = [x[name] for name in model.input_names] if "" not in x else x[""]
    got = model(given, training=False)
    got = dict(zip(model.output_names, got)) if "" not in y else {"": got}
    worst = 0.0
    for name, expected in y.items():
        found = numpy.asarray(got[name].detach() if hasattr(got[name], "detach") else got[name])
        if found.shape != expected.shape:
            return float("inf")
        worst = max(worst, float(abs(found - expected).max() / max(abs(expected).max(), 1e-30)))
    return worst


def compare_3(path):
    model = keras.models.load_model(path + ".keras", compile=False)
    model.input_names = [x.name for x in model.inputs]
    worst = difference(model, path)
    if not any(isinstance(layer, keras.layers.MultiHeadAttention) for layer in model.layers):  # not from Keras 2
        old = keras.models.load_model(path + ".h5", compile=False)
        old.input_names = model.input_names
        worst = max(worst, difference(old, path))
    for weight in model.weights:
        weight.assign(weight + 1)
    model.load_weights(path + ".weights.h5")
    worst = max(worst, difference(model, path))
    model.save(path + ".back.keras")
    model.save(path + ".back.h5")
    model.save_weights(path + ".back.weights.h5")
    return worst


def compare_2(path):
    model = keras.models.load_model(path + ".h5", compile=False)
    model.save(path + ".back.h5")
    return difference(model, path)


names = sorted(name[:-6] for name in os.listdir(folder) if name.endswith(".keras") and ".back" not in name)
worst, bad, unknown = (0.0, ""), 0, 0
for name in names:
    try:
        off = (compare_3 if IS_3 else compare_2)(os.path.join(folder, name))
    except Exception as error:
        if not IS_3 and "Unknown" in str(error):
            unknown += 1
            continue
        print(f"  {name}: {str(error)[:2000]}")
        off = float("inf")
    if not off <= TOLERANCE:
        print(f"  {name}: off by {off:.1e}")
        bad += 1
    worst = max(worst, (off, name))
print(f"  Keras {keras.__version__}: {len(names) - bad - unknown} of {len(names)} agree, {unknown} have what it does not "
      f"have, largest difference {worst[0]:.1e} ({worst[1]})")
sys.exit(1 if bad or unknown == len(names) else 0)
