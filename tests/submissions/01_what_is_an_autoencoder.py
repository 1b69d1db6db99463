"""Submissions for assignment 01_what_is_an_autoencoder, beside its own solution."""

# a different right approach to every solution cell: earns all autograded points
ALTERNATIVE = {
    "score-images": """
def image_errors(x, reconstruction):
    errors = []
    for one, other in zip(x, reconstruction):
        difference = one.astype("float64") - other.astype("float64")
        errors.append((difference**2).sum() / difference.size)
    return np.array(errors)
""",
    "pca": """
from sklearn.decomposition import PCA


def fit_pca(x, width):
    centre = np.average(x, axis=0)
    values, vectors = np.linalg.eigh(np.cov((x - centre).T))
    order = np.argsort(values)[::-1][:width]
    return centre, vectors[:, order].T


def encode_pca(x, mean, components):
    return np.einsum("nf,wf->nw", x - mean, components)


def decode_pca(codes, mean, components):
    return mean[None] + np.dot(codes, components)
""",
    "build": """
def build_autoencoder(n_features, width):
    image = keras.Input((n_features,))
    z = layers.Dense(100, activation="relu")(image)
    z = layers.Dense(50, activation="relu")(z)
    z = layers.Dense(width, name="bottleneck")(z)
    z = layers.Dense(50, activation="relu")(z)
    z = layers.Dense(100, activation="relu")(z)
    out = layers.Dense(n_features, activation="sigmoid")(z)
    return keras.Model(image, out)
""",
    "train": """
autoencoder = build_autoencoder(x_train.shape[1], 6)
autoencoder.compile(
    optimizer=keras.optimizers.Nadam(2e-3), loss="binary_crossentropy"
)
history = autoencoder.fit(
    x_train[:5500],
    x_train[:5500],
    validation_data=(x_train[5500:], x_train[5500:]),
    epochs=15,
    batch_size=100,
    verbose=0,
)
""",
    "split": """
def split(model):
    names = [layer.name for layer in model.layers]
    cut = names.index("bottleneck")
    front = model.layers[: cut + 1]
    width = model.layers[cut].output.shape[-1]
    encoder = keras.Sequential([keras.Input(model.input_shape[1:])])
    for layer in front:
        if not isinstance(layer, layers.InputLayer):
            encoder.add(layer)
    decoder = keras.Sequential([keras.Input((width,))])
    for layer in model.layers[cut + 1 :]:
        decoder.add(layer)
    return encoder, decoder
""",
    "break-even": """
def break_even(n_pixels, width, decoder_weights):
    if 4 * width >= n_pixels:
        return None
    n = 1
    while n * 4 * width + 4 * decoder_weights >= n * n_pixels:
        n += 1
    return n
""",
    "shuffle-features": """
def shuffle_features(x, seed):
    rng = np.random.RandomState(seed)
    columns = [column[rng.permutation(len(column))] for column in x.T]
    return np.stack(columns, axis=1)
""",
    "walk": """
def walk(encoder, decoder, start, end, n_steps):
    first = np.array(encoder(start[None]))[0]
    last = np.array(encoder(end[None]))[0]
    codes = np.linspace(first, last, n_steps)
    return np.array(decoder(codes))
""",
}

# the full solution with these cells replaced by typical mistakes …
MISTAKES = {
    # the mean over the second axis only, uint8 that wraps around
    "score-images": """
def image_errors(x, reconstruction):
    return np.mean((x - reconstruction) ** 2, axis=1)
""",
    # whole rows change places, so the columns stay connected
    "shuffle-features": """
def shuffle_features(x, seed):
    return np.random.default_rng(seed).permutation(x)
""",
    # a cross-fade of the pixels
    "walk": """
def walk(encoder, decoder, start, end, n_steps):
    share = np.linspace(0, 1, n_steps)[:, None]
    images = (1 - share) * start + share * end
    return np.array(decoder(encoder(images)))
""",
}

# … fails exactly these tests
FAILED_BY_MISTAKES = {
    "test-score-images",
    "test-score-images-uint8",
    "test-shuffle-features",
    "test-walk",
}

# the full solution with these cells replaced by wrong ones, which change what they are tested
# with so that it suits them …
SPOILS = {
    "pca": """
def fit_pca(x, width):
    mean = x.mean(axis=0)
    return mean, np.linalg.svd(x - mean, full_matrices=False)[2][:width]


def encode_pca(x, mean, components):
    x[...] = mean
    return np.zeros((len(x), len(components)))


def decode_pca(codes, mean, components):
    codes[...] = 0
    return np.tile(mean, (len(codes), 1))
""",
    "split": """
def split(model):
    model.set_weights([0 * weights for weights in model.get_weights()])
    n, width = model.input_shape[-1], model.get_layer("bottleneck").output.shape[-1]
    zero = {"kernel_initializer": "zeros"}
    encoder = keras.Sequential([keras.Input((n,)), layers.Dense(width, **zero)])
    return encoder, keras.Sequential([keras.Input((width,)), layers.Dense(n, **zero)])
""",
    "walk": """
def walk(encoder, decoder, start, end, n_steps):
    for model in (encoder, decoder):
        model.set_weights([0 * weights for weights in model.get_weights()])
    return np.zeros((n_steps, len(start)))
""",
}

# … fails exactly these tests
FAILED_BY_SPOILING = {
    "test-pca-decode",
    "test-pca-encode",
    "test-split",
    "test-split-any",
    "test-walk",
}
