"""Submissions for assignment 03_denoiser, beside its own solution."""

# a different right approach to every solution cell: earns all autograded points
ALTERNATIVE = {
    "noisy-copy": """
def noisy_copy(images, noise_factor, seed):
    random = np.random.RandomState(seed)
    levels = np.broadcast_to(noise_factor, len(images))
    out = np.empty(images.shape, dtype=np.float32)
    for i, (image, level) in enumerate(zip(images, levels)):
        out[i] = np.clip(random.normal(image, level), 0, 1)
    return out
""",
    "decibels": """
def decibels(clean, image, peak=1.0):
    out = np.empty(len(clean))
    for i, (one, other) in enumerate(zip(clean, image)):
        mse = np.mean((one.astype("float64") - other.astype("float64")) ** 2)
        if mse == 0:
            out[i] = float("inf")
        else:
            out[i] = 20 * np.log10(peak) - 10 * np.log10(mse)
    return out
""",
    "examine": """
def examine(model, clean, noisy):
    denoised = np.array(model(noisy))
    before, after = decibels(clean, noisy), decibels(clean, denoised)
    loss = [b - a for a, b in zip(after, before)]
    harmed = [i for i in range(len(loss)) if loss[i] > 0]
    harmed.sort(key=lambda i: -loss[i])
    return {
        "rows": np.array([noisy, denoised, clean]),
        "gain": -sum(loss) / len(loss),
        "harmed": harmed,
    }
""",
    "rival": """
def blur(images, sigma):
    return np.array(
        [gaussian_filter(image[..., 0], sigma)[..., None] for image in images]
    )


def tune_blur(noisy, clean, sigmas):
    errors, lines = [], []
    for sigma in sigmas:
        column = blur(noisy, sigma).reshape(-1, 1).astype("float64")
        both = np.hstack([column, np.ones_like(column)])
        line = np.linalg.lstsq(both, clean.reshape(-1), rcond=None)[0]
        errors.append(((both @ line - clean.reshape(-1)) ** 2).sum())
        lines.append(line)
    i = int(np.argmin(errors))
    return [sigmas[i], *lines[i]]
""",
    "training-pairs": """
from aeutils.images import add_noise


def training_pairs(clean, low, high, copies, seed):
    rng = np.random.default_rng(seed)
    clean = clean.astype("float32")
    inputs, targets = [], []
    for _ in range(copies):
        for image in clean:
            inputs.append(add_noise(image, rng.uniform(low, high), seed=rng))
            targets.append(image)
    return np.array(inputs), np.array(targets)
""",
    # no sigmoid: a correction that is added to the input, and the mean squared error
    "denoiser": """
picture = keras.Input(shape=(28, 28, 1))
h = layers.Conv2D(16, 5, strides=2, padding="same", activation="elu")(picture)
h = layers.Conv2D(32, 3, padding="same", activation="elu")(h)
h = layers.Conv2D(32, 3, padding="same", dilation_rate=2, activation="elu")(h)
h = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="elu")(h)
h = layers.Concatenate()([picture, h])
h = layers.Conv2D(1, 3, padding="same")(h)
answer = layers.Add()([picture, h])
denoiser = keras.Model(picture, answer)
denoiser.compile(optimizer=keras.optimizers.Adam(4e-3), loss="mse")
for epoch in range(3):
    noisy = noisy_copy(
        x_train, np.random.default_rng(epoch).uniform(0, 0.9, 3000), epoch
    )
    denoiser.fit(noisy, x_train, batch_size=32, verbose=0)
""",
    "denoise-large": """
def denoise_large(model, picture, tile, step):
    def begins(length):
        out = [0]
        while out[-1] + tile < length:
            out.append(min(out[-1] + step, length - tile))
        return out

    h, w = picture.shape
    rows, columns = begins(h), begins(w)
    tiles = np.array(
        [picture[r : r + tile, c : c + tile] for r in rows for c in columns]
    )
    answers = np.array(model(tiles[..., None])).reshape(
        len(rows), len(columns), tile, tile
    )
    values = [[[] for _ in range(w)] for _ in range(h)]
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            for y in range(tile):
                for x in range(tile):
                    values[r + y][c + x].append(answers[i, j, y, x])
    return np.array([[np.mean(v) for v in row] for row in values])
""",
}

# the full solution with these cells replaced by typical mistakes …
MISTAKES = {
    # logarithm of the whole batch's error, the same for each image
    "decibels": """
def decibels(clean, image, peak=1.0):
    mse = np.mean((clean - image) ** 2)
    return np.full(len(clean), 10 * np.log10(peak**2 / mse))
""",
    # blurs across images as well
    "rival": """
def blur(images, sigma):
    return gaussian_filter(images, sigma)


def tune_blur(noisy, clean, sigmas):
    best = (np.inf,)
    for sigma in sigmas:
        x = blur(noisy, sigma).ravel()
        slope, intercept = np.polyfit(x, clean.ravel(), 1)
        error = np.mean((slope * x + intercept - clean.ravel()) ** 2)
        best = min(best, (error, sigma, slope, intercept))
    return best[1:]
""",
    # what does not fit a whole tile at the end is left as it was
    "denoise-large": """
def denoise_large(model, picture, tile, step):
    out = picture.copy()
    for row in range(0, picture.shape[0] - tile + 1, step):
        for column in range(0, picture.shape[1] - tile + 1, step):
            place = np.s_[row : row + tile, column : column + tile]
            piece = picture[place][None, ..., None]
            out[place] = model.predict(piece, verbose=0)[0, ..., 0]
    return out
""",
}

# … fails exactly these tests
FAILED_BY_MISTAKES = {
    "test-blur",
    "test-decibels",
    "test-decibels-edges",
    "test-denoise-large-overlap",
    "test-denoise-large-rest",
}

# the full solution with these cells replaced by wrong ones, which change what they are tested
# with so that it suits them …
SPOILS = {
    "examine": """
def examine(model, clean, noisy):
    model.set_weights([0 * weights for weights in model.get_weights()])
    clean[...], noisy[...] = 0.5, 1
    rows = np.stack([noisy, 0 * noisy, clean])
    return {"rows": rows, "gain": 0.0, "harmed": []}
""",
    # hands the noisy images back
    "denoiser": """
def denoiser(x):
    y = x.copy()
    x[...] = 1 - np.round(x)
    return y
""",
    "denoise-large": """
def denoise_large(model, picture, tile, step):
    model.set_weights([0 * weights for weights in model.get_weights()])
    return np.zeros_like(picture)
""",
}

# … fails exactly these tests
FAILED_BY_SPOILING = {
    "test-denoise-large",
    "test-denoise-large-overlap",
    "test-denoise-large-rest",
    "test-denoiser",
    "test-denoiser-strong",
    "test-denoiser-weak",
    "test-examine",
    "test-examine-harmed",
}
