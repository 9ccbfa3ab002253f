"""Exports models of Keras as ONNX, by tf2onnx: keras_export.py FOLDER

For each NAME.keras it writes NAME.onnx.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

folder = sys.argv[1]
for name in sorted(name[:-6] for name in os.listdir(folder) if name.endswith(".keras")):
    path = os.path.join(folder, name)
    model = keras.models.load_model(path + ".keras", compile=False)
    model(keras.ops.zeros((1, *model.input_shape[1:])))  # what was never called is not exported
    model.export(path + ".onnx", format="onnx", verbose=False)
