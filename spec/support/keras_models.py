"""Makes models as Keras users do: keras_models.py FOLDER

Of each it writes NAME.h5, NAME.keras (Keras 3), inputs NAME.x.npy or NAME.x.INPUT.npy, and outputs NAME.y.npy or
NAME.y.OUTPUT.npy.
"""

import importlib
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy

keras = importlib.import_module(os.environ.get("MOONBOW_KERAS", "keras"))
layers, Input, Model = keras.layers, keras.layers.Input, keras.Model
IS_3 = keras.__version__.startswith("3")
folder = sys.argv[1]
rng = numpy.random.default_rng(1)


def separable():
    x = Input((12, 3))
    y = layers.SeparableConv1D(4, 3, depth_multiplier=2, padding="same", activation="relu")(x)
    y = layers.ZeroPadding1D((2, 1))(y)
    y = layers.DepthwiseConv1D(3, strides=2, depth_multiplier=2)(y)
    return Model(x, layers.Conv1D(4, 3, padding="causal", groups=2)(y))


def recurrent():
    x = Input((9, 2))
    y = layers.Bidirectional(layers.LSTM(3, return_sequences=True, use_bias=False))(x)
    y = layers.GRU(4, return_sequences=True, use_bias=False)(y)
    y = layers.Bidirectional(layers.GRU(2))(y)
    return Model(x, layers.Dense(2)(y))


def longer():
    x = Input((7, 2))
    y = layers.Conv1DTranspose(3, 2, strides=4, activation="relu")(x)  # a stride beyond the kernel
    y = layers.Conv1DTranspose(2, 5, strides=2)(layers.UpSampling1D(2)(y))
    y = layers.Cropping1D((1, 3))(y)
    return Model(x, layers.Conv1DTranspose(2, 4, strides=2, padding="same")(y))


def squeezed():
    x = Input((10, 4))
    gate = layers.GlobalAveragePooling1D(keepdims=True)(x)
    gate = layers.Dense(4, activation="sigmoid")(layers.Dense(2, activation="relu")(gate))
    return Model(x, layers.GlobalMaxPooling1D()(layers.Multiply()([gate, x])))


def attention():
    x = Input((6, 4))
    heads = layers.MultiHeadAttention(2, 2, dropout=0.1)
    y = layers.LayerNormalization(epsilon=1e-2)(layers.Add()([x, heads(x, x)]))
    y = layers.MultiHeadAttention(4, 1, use_bias=False)(query=y, value=y, key=y)
    return Model(x, layers.MultiHeadAttention(2, 2)(y, y, use_causal_mask=True) if IS_3 else y)


def nested():
    encoder = keras.Sequential([Input((8, 2)), layers.Conv1D(4, 3), layers.BatchNormalization(),
                                keras.Sequential([layers.Conv1D(3, 2), layers.ReLU()]), layers.Flatten()])
    head = keras.Sequential([layers.Dense(5, activation="relu"), layers.Dropout(0.5), layers.Dense(3)])
    return keras.Sequential([Input((8, 2)), encoder, layers.BatchNormalization(), head])


def siamese():
    a, b = Input((8, 2), name="first"), Input((8, 2), name="second")
    twin = keras.Sequential([Input((8, 2)), layers.Conv1D(4, 3), layers.BatchNormalization(), layers.GRU(3)])
    p, q = Input((3,)), Input((3,))
    both = layers.Concatenate()([p, q])
    judge = Model([p, q], [layers.Dense(2)(both), layers.Multiply()([p, q])])
    left, right = judge([twin(a), twin(b)])
    return Model([a, b], [layers.Dense(3, name="class")(right), layers.Activation("tanh", name="strain")(left)])


def crossed():
    x = Input((5, 2))
    a, b = layers.Conv1D(3, 2)(x), layers.Conv1D(3, 2)(x)
    c = layers.Concatenate()([a, b])
    return Model(x, layers.Add()([layers.Dense(3)(c), b, a]))


def save(name, model):
    for weight in model.weights:
        low = 0.5 if "variance" in weight.name else -0.7
        weight.assign(rng.uniform(low, low + 1.4, weight.shape))
    values = [rng.normal(size=(3, *x.shape[1:])).astype("float32") for x in model.inputs]
    results = model(values if len(values) > 1 else values[0], training=False)
    results = results if isinstance(results, (list, tuple)) else [results]
    if IS_3 and isinstance(model, keras.Sequential):
        model.output_names = [""]
    names_in = [x.name for x in model.inputs] if IS_3 else model.input_names
    for kind, names, arrays in (("x", names_in, values), ("y", model.output_names, results)):
        for key, array in zip(names, arrays):
            numpy.save(os.path.join(folder, f"{name}.{kind}" + (f".{key}" if len(arrays) > 1 else "")),
                       keras.ops.convert_to_numpy(array) if IS_3 else numpy.asarray(array))
    model.save(os.path.join(folder, name + ".h5"))
    if IS_3:
        model.save(os.path.join(folder, name + ".keras"))


for make in (separable, recurrent, longer, squeezed, attention, nested, siamese, crossed):
    save(make.__name__, make())
print(keras.__version__)
