"""TensorFlow with Keras: tensorflow_peer.py graph|xla JOB.json SECTION,..."""

import common

mode, job, sections = common.read_arguments()

import keras
import tensorflow as tf
from keras import layers

tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.keras.utils.set_random_seed(1)

parameters, buffers = [], []  # variables in moonbow's order; layouts are the same


def Sequential(config, x):
    for part in config["layers"]:
        x = apply(part, x)
    return x


def Residual(config, x):
    body = apply(config["layers"][0], x)
    total = layers.Add()([body, apply(config["layers"][1], x) if len(config["layers"]) > 1 else x])
    return activated(config.get("activation"), config.get("alpha"), total)


def Concat(config, x):
    return layers.Concatenate()([apply(branch, x) for branch in config["layers"]])


def activated(name, alpha, x):
    if name is None:
        return x
    if name == "leaky_relu":
        return layers.LeakyReLU(0.01 if alpha is None else alpha)(x)
    return layers.Activation(name)(x)


def weighted(layer, x):
    y = layer(x)
    parameters.extend(layer.trainable_variables)
    buffers.extend(layer.non_trainable_variables)
    return y


def Conv1d(config, x):
    return weighted(
        layers.Conv1D(
            config["filters"],
            config["kernel"],
            config.get("stride", 1),
            config["padding"],
            use_bias=config.get("bias", True),
            activation=config.get("activation"),
        ),
        x,
    )


def BatchNorm1d(config, x):
    norm = layers.BatchNormalization(momentum=config["momentum"], epsilon=config["epsilon"])
    return activated(config.get("activation"), config.get("alpha"), weighted(norm, x))


def MaxPool1d(config, x):
    return layers.MaxPooling1D(config["size"], config.get("stride"), config["padding"])(x)


def AvgPool1d(config, x):
    return layers.AveragePooling1D(config["size"], config.get("stride"), config["padding"])(x)


def Activation(config, x):
    return activated(config["name"], config.get("alpha"), x)


def Dropout(config, x):
    return layers.Dropout(config["rate"])(x)


def Flatten(config, x):
    return layers.Flatten()(x)


def Dense(config, x):
    return weighted(layers.Dense(config["units"], activation=config.get("activation")), x)


def apply(config, x):
    common.check(config)
    return globals()[config["type"]](config, x)


def training_step(x, y):
    """A function that makes a step and returns the loss before it."""
    x, y = tf.constant(x), tf.constant(y)
    optimizer = keras.optimizers.Adam(3e-4, epsilon=1e-8)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=mode == "xla")
    def step():
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    return lambda: float(step())


forward = tf.function(lambda x: model(x, training=False), jit_compile=mode == "xla")


def inference(size):
    x = tf.constant(common.batch(job, size)[0])
    return common.runs(lambda: forward(x).numpy(), job["seconds"])


def agreement():
    x, y = common.given_batch(job)
    outputs = forward(tf.constant(x)).numpy().flatten().tolist()
    step = training_step(x, y)
    common.emit(outputs=outputs, losses=[step() for _ in range(job["steps"])])


spectrum = keras.Input((job["length"], 1))
model = keras.Model(spectrum, apply(job["config"], spectrum))
if "weights" in job:
    weights = common.Weights(job["weights"])
    for variable in parameters + buffers:
        variable.assign(weights.take(*variable.shape))
    weights.finish()
common.emit(version=tf.__version__, parameters=sum(int(tf.size(v)) for v in model.trainable_variables))
common.run_sections(
    sections,
    training=lambda: common.runs(training_step(*common.batch(job, job["batch"])), job["seconds"]),
    inference=lambda: inference(job["batch"]),
    latency=lambda: inference(1),
    agreement=agreement,
)
