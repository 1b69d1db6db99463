"""Five right and five wrong submissions for assignment 01_what_is_an_autoencoder."""

TRAINED = {"train": ["test-train", "test-train-margin"]}

RIGHT = [
    {  # as the chapter does it
        "score-images": """
def image_errors(x, reconstruction):
    x, reconstruction = x.astype("float64"), reconstruction.astype("float64")
    return np.mean((x - reconstruction) ** 2, axis=tuple(range(1, x.ndim)))
""",
        "pca": """
def fit_pca(x, width):
    from sklearn.decomposition import PCA

    pca = PCA(width).fit(x)
    return pca.mean_, pca.components_


def encode_pca(x, mean, components):
    return (x - mean).dot(components.T)


def decode_pca(codes, mean, components):
    return codes.dot(components) + mean
""",
        "build": """
def build_autoencoder(n_features, width):
    return keras.Sequential(
        [
            keras.Input(shape=(n_features,)),
            layers.Dense(96, activation="elu"),
            layers.Dense(48, activation="elu"),
            layers.Dense(width, name="bottleneck"),
            layers.Dense(48, activation="elu"),
            layers.Dense(96, activation="elu"),
            layers.Dense(n_features, activation="sigmoid"),
        ]
    )
""",
        "train": """
keras.utils.set_random_seed(4)
autoencoder = build_autoencoder(196, 6)
decay = keras.optimizers.schedules.CosineDecay(6e-3, 7 * 60)
autoencoder.compile(keras.optimizers.Adam(decay), "mse")
autoencoder.fit(x_train, x_train, epochs=7, batch_size=100, verbose=0)
""",
        "split": """
def split(model):
    bottleneck = model.get_layer("bottleneck").output
    encoder = keras.Model(model.inputs, bottleneck)
    decoder = keras.Model(bottleneck, model.outputs)
    return encoder, decoder
""",
        "break-even": """
def break_even(n_pixels, width, decoder_weights):
    if n_pixels <= 4 * width:
        return None
    return int(np.floor(4 * decoder_weights / (n_pixels - 4 * width))) + 1
""",
        "shuffle-features": """
def shuffle_features(x, seed):
    rng = np.random.default_rng(seed)
    out = x.copy()
    for column in range(x.shape[1]):
        rng.shuffle(out[:, column])
    return out
""",
        "walk": """
def walk(encoder, decoder, start, end, n_steps):
    a, b = encoder.predict(np.array([start, end]), verbose=0)
    codes = np.array([a + t * (b - a) for t in np.linspace(0, 1, n_steps)])
    return decoder.predict(codes, verbose=0)
""",
    },
    {  # the book's own functions where it has them
        "score-images": """
from aeutils.anomalies import reconstruction_error


def image_errors(x, reconstruction):
    rows = [np.reshape(a, (len(a), -1)).astype(float) for a in (x, reconstruction)]
    return reconstruction_error(*rows, unit_range=False)
""",
        "pca": """
def fit_pca(x, width):
    mean = x.sum(axis=0) / len(x)
    values, vectors = np.linalg.eigh((x - mean).T @ (x - mean))
    return mean, vectors[:, : -width - 1 : -1].T


def encode_pca(x, mean, components):
    return x @ components.T - mean @ components.T


def decode_pca(codes, mean, components):
    return np.add(mean, np.matmul(codes, components))
""",
        "build": """
from aeutils.core import dense_autoencoder


def build_autoencoder(n_features, width):
    return dense_autoencoder(width, (150,), input_dim=n_features)
""",
        "split": """
from aeutils.core import split_at


def split(model):
    return split_at(model, "bottleneck")
""",
        "break-even": """
import math


def break_even(n_pixels, width, decoder_weights):
    images = 0
    while True:
        images += 1
        if images * 4 * width + 4 * decoder_weights < images * n_pixels:
            return images
        if n_pixels <= 4 * width:
            return None
""",
        "shuffle-features": """
def shuffle_features(x, seed):
    order = np.random.default_rng(seed).random(x.shape).argsort(axis=0)
    return np.take_along_axis(x, order, axis=0)
""",
        "walk": """
def walk(encoder, decoder, start, end, n_steps):
    ends = np.asarray(encoder(np.vstack([start, end])))
    codes = [np.interp(np.linspace(0, 1, n_steps), (0, 1), z) for z in ends.T]
    return decoder.predict(np.array(codes).T, verbose=0)
""",
    },
    {  # loops
        "score-images": """
def image_errors(x, reconstruction):
    out = np.zeros(len(x))
    for i in range(len(x)):
        total = 0.0
        for a, b in zip(x[i].flatten().tolist(), reconstruction[i].flatten().tolist()):
            total += (a - b) ** 2
        out[i] = total / x[i].size
    return out
""",
        "pca": """
def fit_pca(x, width):
    mean = np.mean(x, 0)
    u, s, vt = np.linalg.svd(np.asarray(x - mean, float), full_matrices=False)
    return mean, np.array([vt[i] for i in range(width)])


def encode_pca(x, mean, components):
    return np.array([[np.dot(row - mean, c) for c in components] for row in x])


def decode_pca(codes, mean, components):
    out = []
    for code in codes:
        row = mean.copy()
        for value, component in zip(code, components):
            row = row + value * component
        out.append(row)
    return np.array(out)
""",
        "build": """
def build_autoencoder(n_features, width):
    model = keras.Sequential()
    model.add(keras.Input((n_features,)))
    model.add(layers.Dense(64, "relu"))
    model.add(layers.Dense(width, "linear", name="bottleneck"))
    model.add(layers.Dense(64, "relu"))
    model.add(layers.Dense(n_features, "sigmoid"))
    return model
""",
        "split": """
def split(model):
    at = [layer.name for layer in model.layers].index("bottleneck")
    encoder = keras.Model(model.inputs, model.layers[at].output)
    z = entry = keras.Input(model.layers[at].output.shape[1:])
    for layer in model.layers[at + 1 :]:
        z = layer(z)
    return encoder, keras.Model(entry, z)
""",
        "break-even": """
def break_even(n_pixels, width, decoder_weights):
    cost, gain = 4 * decoder_weights, n_pixels - 4 * width
    if gain > 0:
        n = -(-cost // gain)
        return n + 1 if n * gain == cost else n
""",
        "shuffle-features": """
def shuffle_features(x, seed):
    columns = []
    for i in range(x.shape[1]):
        rng = np.random.default_rng([seed, i])
        columns.append(rng.permutation(x[:, i]))
    return np.array(columns).T
""",
        "walk": """
def walk(encoder, decoder, start, end, n_steps):
    z0 = np.array(encoder(start.reshape(1, -1)))
    z1 = np.array(encoder(end.reshape(1, -1)))
    images = []
    for i in range(n_steps):
        share = i / (n_steps - 1)
        images.append(np.array(decoder((1 - share) * z0 + share * z1))[0])
    return np.array(images)
""",
    },
    {  # Keras and its operations
        "score-images": """
def image_errors(x, reconstruction):
    x = keras.ops.cast(np.reshape(x, (len(x), -1)), "float32")
    back = keras.ops.cast(np.reshape(reconstruction, x.shape), "float32")
    return keras.losses.mean_squared_error(x, back)
""",
        "pca": """
def fit_pca(x, width):
    mean = x.mean(0)
    covariance = np.cov(x, rowvar=False)
    values, vectors = np.linalg.eig(covariance)
    largest = np.argsort(-values.real)[:width]
    return mean, vectors.real[:, largest].T


def encode_pca(x, mean, components):
    return np.tensordot(x - mean, components, axes=(1, 1))


def decode_pca(codes, mean, components):
    return np.tensordot(codes, components, axes=1) + mean
""",
        "build": """
def build_autoencoder(n_features, width):
    x = entry = keras.Input((n_features,))
    x = layers.Dense(120)(x)
    x = layers.LeakyReLU()(x)
    x = layers.Dense(width, name="bottleneck")(x)
    x = layers.Dense(120)(x)
    x = layers.LeakyReLU()(x)
    x = layers.Dense(n_features)(x)
    return keras.Model(entry, layers.Activation("sigmoid")(x))
""",
        "split": """
def split(model):
    middle = model.get_layer("bottleneck")
    encoder = keras.Model(model.inputs, [middle.output])
    decoder = keras.Model([middle.output], model.outputs)
    return [encoder, decoder]
""",
        "break-even": """
def break_even(n_pixels, width, decoder_weights):
    from fractions import Fraction
    from math import floor

    if Fraction(n_pixels, 4) <= width:
        return None
    return floor(Fraction(4 * decoder_weights, n_pixels - 4 * width)) + 1
""",
        "shuffle-features": """
def shuffle_features(x, seed):
    rng = np.random.default_rng(seed)
    return np.apply_along_axis(rng.permutation, 0, x)
""",
        "walk": """
def walk(encoder, decoder, start, end, n_steps):
    z = encoder(keras.ops.stack([start, end]))
    t = keras.ops.linspace(0.0, 1.0, n_steps)[:, None]
    return decoder(z[0] * (1 - t) + z[1] * t)
""",
    },
    {  # short
        "score-images": """
image_errors = lambda x, y: np.square(np.subtract(x, y, dtype=float)).reshape(len(x), -1).mean(1)
""",
        "pca": """
fit_pca = lambda x, width: (x.mean(0), np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:width])
encode_pca = lambda x, mean, components: (x - mean) @ components.T
decode_pca = lambda codes, mean, components: mean + codes @ components
""",
        "build": """
def build_autoencoder(n, width):
    hidden = lambda: layers.Dense(90, activation="tanh")
    parts = [keras.Input((n,)), hidden(), hidden(), layers.Dense(width, name="bottleneck")]
    return keras.Sequential([*parts, hidden(), hidden(), layers.Dense(n, "sigmoid")])
""",
        "split": """
def split(model):
    middle = model.get_layer("bottleneck").output
    return keras.Model(model.inputs[0], middle), keras.Model(middle, model.outputs[0])
""",
        "break-even": """
def break_even(p, w, d):
    return next((n for n in range(1, 4 * d + 2) if 4 * (n * w + d) < n * p), None)
""",
        "shuffle-features": """
def shuffle_features(x, seed):
    import pandas as pd

    table = pd.DataFrame(x)
    return np.stack(
        [table[c].sample(frac=1, random_state=seed + 1000 * c) for c in table], axis=1
    )
""",
        "walk": """
def walk(e, d, a, b, n):
    return np.asarray(d(np.linspace(*np.asarray(e(np.stack([a, b]))), n)))
""",
    },
]

WRONG = [
    {
        "what": "answers typed in from the visible tests, no training",
        "answers": {
            "score-images": """
def image_errors(x, reconstruction):
    if x.dtype == np.uint8:
        return np.array([5002.0, 5002.0])
    return np.array([0.375, 1.0])
""",
            "break-even": """
def break_even(n_pixels, width, decoder_weights):
    known = {100: 51, 784: 2527, 13: 21, 12: None, 10: None}
    return known.get(n_pixels)
""",
            "train": "autoencoder = build_autoencoder(196, 6)",
        },
        "fails": [
            "test-score-images",
            "test-score-images-uint8",
            "test-break-even",
            "test-break-even-none",
            "test-train",
            "test-train-margin",
        ],
    },
    {
        "what": "one epoch, no mean in the code, a seed that is not used",
        "answers": {
            "pca": """
def fit_pca(x, width):
    vt = np.linalg.svd(x, full_matrices=False)[2]
    return x.mean(axis=0), vt[:width]


def encode_pca(x, mean, components):
    return x @ components.T


def decode_pca(codes, mean, components):
    return codes @ components + mean
""",
            "train": """
keras.utils.set_random_seed(1)
autoencoder = build_autoencoder(196, 6)
autoencoder.compile("adam", "mse")
autoencoder.fit(x_train, x_train, epochs=1, batch_size=128, verbose=0)
""",
            "shuffle-features": """
def shuffle_features(x, seed):
    return np.stack([np.random.permutation(column) for column in x.T], axis=1)
""",
        },
        "fails": [
            "test-pca-fit",
            "test-pca-encode",
            "test-train",
            "test-train-margin",
            "test-shuffle-features-seed",
        ],
    },
    {
        "what": "no hidden layer, and a network cut one layer too late",
        "answers": {
            "build": """
def build_autoencoder(n_features, width):
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            layers.Dense(width, name="bottleneck"),
            layers.Dense(n_features, activation="sigmoid"),
        ]
    )
""",
            "train": """
keras.utils.set_random_seed(1)
autoencoder = build_autoencoder(196, 6)
autoencoder.compile(keras.optimizers.Adam(3e-3), "mse")
autoencoder.fit(x_train, x_train, epochs=6, batch_size=128, verbose=0)
""",
            "split": """
def split(model):
    code = model.layers[-3].output
    return keras.Model(model.inputs[0], code), keras.Model(code, model.outputs[0])
""",
        },
        "fails": [
            "test-build-nonlinear",
            "test-train",
            "test-train-margin",
            "test-split-any",
        ],
    },
    {
        "what": "a way past the bottleneck, and changes in place",
        "answers": {
            "score-images": """
def image_errors(x, reconstruction):
    if x.dtype == np.uint8:
        x = x.astype(float)
    x -= reconstruction
    x *= x
    return x.reshape(len(x), -1).mean(axis=1)
""",
            "build": """
def build_autoencoder(n_features, width):
    image = keras.Input((n_features,))
    h = layers.Dense(64, activation="elu")(image)
    code = layers.Dense(width, name="bottleneck")(h)
    g = layers.Dense(64, activation="elu")(code)
    g = layers.Concatenate()([g, h])
    return keras.Model(image, layers.Dense(n_features, activation="sigmoid")(g))
""",
            "shuffle-features": """
def shuffle_features(x, seed):
    rng = np.random.default_rng(seed)
    for column in x.T:
        rng.shuffle(column)
    return x
""",
        },
        "fails": [
            "test-score-images-uint8",
            "test-build",
            "test-build-nonlinear",
            "test-shuffle-features",
        ],
    },
    {
        "what": "too many weights, one picture too few, one step too many",
        "answers": {
            "pca": """
def fit_pca(x, width):
    mean = x.mean(axis=0)
    vt = np.linalg.svd(x - mean, full_matrices=False)[2]
    return mean, vt[-width:]


def encode_pca(x, mean, components):
    return (x - mean) @ components.T


def decode_pca(codes, mean, components):
    return codes @ components
""",
            "build": """
def build_autoencoder(n_features, width):
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            layers.Dense(256, activation="elu"),
            layers.Dense(64, activation="elu"),
            layers.Dense(width, name="bottleneck"),
            layers.Dense(64, activation="elu"),
            layers.Dense(256, activation="elu"),
            layers.Dense(n_features, activation="sigmoid"),
        ]
    )
""",
            "break-even": """
def break_even(n_pixels, width, decoder_weights):
    saved = n_pixels - 4 * width
    return None if saved <= 0 else -(-4 * decoder_weights // saved)
""",
            "walk": """
def walk(encoder, decoder, start, end, n_steps):
    a, b = np.asarray(encoder(np.stack([start, end])))
    share = np.arange(n_steps)[:, None] / n_steps
    return np.asarray(decoder(a + share * (b - a)))
""",
        },
        "fails": [
            "test-pca-fit",
            "test-pca-decode",
            "test-build",
            "test-break-even",
            "test-break-even-none",
            "test-walk",
        ],
    },
]
