"""Compares models of Keras with expected outputs: keras_compare.py FOLDER

For each NAME.keras there are NAME.h5, NAME.weights.h5, NAME.x.npy and NAME.y.npy. It loads the model from both, and the
weights into the model with new ones, prints the largest difference as a share of the largest expected output, saves the
model as NAME.back.keras, NAME.back.h5 and NAME.back.weights.h5, and ends with code 1 if a difference is beyond 1e-5.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy

TOLERANCE = 1e-5
folder = sys.argv[1]


def difference(model, path):
    x, y = numpy.load(path + ".x.npy"), numpy.load(path + ".y.npy")
    got = keras.ops.convert_to_numpy(model(x, training=False))
    if got.shape != y.shape:
        return float("inf")
    return float(abs(got - y).max() / max(abs(y).max(), 1e-30))


def compare(path):
    model = keras.models.load_model(path + ".keras", compile=False)
    worst = difference(model, path)
    worst = max(worst, difference(keras.models.load_model(path + ".h5", compile=False), path))
    for weight in model.weights:
        weight.assign(weight + 1)
    model.load_weights(path + ".weights.h5")
    worst = max(worst, difference(model, path))
    model.save(path + ".back.keras")
    model.save(path + ".back.h5")
    model.save_weights(path + ".back.weights.h5")
    return worst


names = sorted(name[:-6] for name in os.listdir(folder) if name.endswith(".keras"))
worst, bad = (0.0, ""), 0
for name in names:
    try:
        off = compare(os.path.join(folder, name))
    except Exception as error:
        print(f"  {name}: {error}")
        off = float("inf")
    if not off <= TOLERANCE:
        print(f"  {name}: off by {off:.1e}")
        bad += 1
    worst = max(worst, (off, name))
print(f"  Keras {keras.__version__}: {len(names) - bad} of {len(names)} agree, largest difference {worst[0]:.1e} "
      f"({worst[1]})")
sys.exit(1 if bad or not names else 0)
