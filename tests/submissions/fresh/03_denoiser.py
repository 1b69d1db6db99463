"""Five right and five wrong submissions for assignment 03_denoiser."""

TRAINED = {"denoiser": ["test-denoiser", "test-denoiser-weak", "test-denoiser-strong"]}

RIGHT = [
    {  # as the chapters do it
        "noisy-copy": """
def noisy_copy(images, noise_factor, seed):
    rng = np.random.default_rng(seed)
    levels = np.broadcast_to(noise_factor, (len(images),))
    noise = rng.standard_normal(images.shape)
    for i in range(len(images)):
        noise[i] *= levels[i]
    return np.clip(images + noise, 0, 1).astype(np.float32)
""",
        "decibels": """
def decibels(clean, image, peak=1.0):
    difference = clean.astype("float64") - image.astype("float64")
    mse = np.mean(difference**2, axis=tuple(range(1, clean.ndim)))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(peak**2 / mse)
""",
        "examine": """
def examine(model, clean, noisy):
    denoised = model.predict(noisy, verbose=0)
    gain = psnr(clean, denoised) - psnr(clean, noisy)
    harmed = np.flatnonzero(gain < 0)
    harmed = harmed[np.argsort(gain[harmed])]
    return {"rows": np.stack([noisy, denoised, clean]), "gain": gain.mean(), "harmed": harmed}
""",
        "rival": """
def blur(images, sigma):
    return gaussian_filter(images, (0, sigma, sigma, 0))


def tune_blur(noisy, clean, sigmas):
    fits = []
    for sigma in sigmas:
        z = blur(noisy, sigma).ravel()
        line, residual, *_ = np.polyfit(z, clean.ravel(), 1, full=True)
        fits.append((residual[0] if len(residual) else 0.0, sigma, *line))
    return min(fits)[1:]
""",
        "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    targets = np.tile(clean, (copies, 1, 1, 1)).astype("float32")
    levels = np.random.default_rng(seed).uniform(low, high, len(targets))
    return noisy_copy(targets, levels, seed + 10_000), targets
""",
        "denoiser": """
keras.utils.set_random_seed(3)
same = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
image = keras.Input(shape=(28, 28, 1))
first = layers.Conv2D(8, 3, **same)(image)
second = layers.Conv2D(16, 3, **same)(layers.MaxPooling2D(2)(first))
h = layers.UpSampling2D(2)(second)
h = layers.Concatenate()([h, first])
h = layers.Conv2D(8, 3, **same)(h)
output = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h)
denoiser = keras.Model(image, output)
inputs, targets = training_pairs(x_train, 0.02, 0.9, copies=2, seed=1)
denoiser.compile(keras.optimizers.Adam(6e-3), "binary_crossentropy")
denoiser.fit(inputs, targets, epochs=1, batch_size=32, verbose=0)
""",
        "denoise-large": """
def denoise_large(model, picture, tile, step):
    height, width = picture.shape
    rows = list(range(0, height - tile + 1, step))
    columns = list(range(0, width - tile + 1, step))
    if rows[-1] != height - tile:
        rows.append(height - tile)
    if columns[-1] != width - tile:
        columns.append(width - tile)
    tiles = [picture[r : r + tile, c : c + tile] for r in rows for c in columns]
    outputs = iter(model.predict(np.stack(tiles)[..., None], verbose=0))
    total, count = np.zeros(picture.shape), np.zeros(picture.shape)
    for r in rows:
        for c in columns:
            total[r : r + tile, c : c + tile] += next(outputs)[..., 0]
            count[r : r + tile, c : c + tile] += 1
    return total / count
""",
    },
    {  # the book's functions
        "noisy-copy": """
from aeutils.images import add_noise


def noisy_copy(images, noise_factor, seed):
    rng = np.random.default_rng(seed)
    levels = np.zeros(len(images)) + noise_factor
    return np.array(
        [add_noise(x.astype("float32"), f, seed=rng) if f else x for x, f in zip(images, levels)],
        dtype="float32",
    )
""",
        "decibels": """
def decibels(clean, image, peak=1.0):
    result = []
    for a, b in zip(clean, image):
        error = float(np.mean(np.square(np.subtract(a, b, dtype="float64"))))
        result.append(-10 * np.log10(error / peak**2) if error > 0 else np.inf)
    return np.array(result)
""",
        "examine": """
def examine(model, clean, noisy):
    out = np.asarray(model.predict(noisy, verbose=0))
    before, after = psnr(clean, noisy), psnr(clean, out)
    worst_first = sorted(range(len(clean)), key=lambda i: after[i] - before[i])
    return dict(
        rows=np.concatenate([noisy[None], out[None], clean[None]]),
        gain=float(np.mean(after - before)),
        harmed=[i for i in worst_first if after[i] < before[i]],
    )
""",
        "rival": """
from sklearn.linear_model import LinearRegression


def blur(images, sigma):
    out = np.empty(images.shape)
    for i, image in enumerate(images):
        out[i, :, :, 0] = gaussian_filter(image[:, :, 0].astype(float), sigma)
    return out


def tune_blur(noisy, clean, sigmas):
    best_error = np.inf
    for sigma in sigmas:
        z = blur(noisy, sigma).reshape(-1, 1)
        fit = LinearRegression().fit(z, clean.ravel())
        error = np.mean((fit.predict(z) - clean.ravel()) ** 2)
        if error < best_error:
            best_error, best = error, (sigma, fit.coef_[0], fit.intercept_)
    return best
""",
        "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    rng = np.random.default_rng(seed)
    inputs = []
    for copy in range(copies):
        levels = rng.uniform(low, high, (len(clean), 1, 1, 1))
        noise = rng.normal(size=clean.shape)
        inputs.append(np.clip(clean + levels * noise, 0, 1))
    targets = np.concatenate([clean for _ in inputs])
    return np.concatenate(inputs).astype("float32"), targets.astype("float32")
""",
        "denoise-large": """
from numpy.lib.stride_tricks import sliding_window_view


def denoise_large(model, picture, tile, step):
    def begins(length):
        return np.unique(np.append(np.arange(0, length - tile + 1, step), length - tile))

    rows, columns = begins(picture.shape[0]), begins(picture.shape[1])
    views = sliding_window_view(picture, (tile, tile))[np.ix_(rows, columns)]
    out = model.predict(views.reshape(-1, tile, tile, 1), verbose=0)
    out = out.reshape(len(rows), len(columns), tile, tile)
    sums, hits = np.zeros(picture.shape), np.zeros(picture.shape)
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            sums[r : r + tile, c : c + tile] += out[i, j]
            hits[r : r + tile, c : c + tile] += 1
    return sums / hits
""",
    },
    {  # loops
        "noisy-copy": """
def noisy_copy(images, noise_factor, seed):
    rng = np.random.default_rng(seed)
    result = np.array(images, dtype="float64")
    for i in range(len(result)):
        level = noise_factor if np.isscalar(noise_factor) else noise_factor[i]
        result[i] += rng.normal(0, 1, result[i].shape) * level
    result[result < 0] = 0
    result[result > 1] = 1
    return result.astype("float32")
""",
        "decibels": """
import math


def decibels(clean, image, peak=1.0):
    values = np.zeros(len(clean))
    for i in range(len(clean)):
        a = clean[i].astype(float).flatten()
        b = image[i].astype(float).flatten()
        mse = sum((a - b) * (a - b)) / len(a)
        values[i] = math.inf if mse == 0 else 10 * math.log10(peak * peak / mse)
    return values
""",
        "examine": """
def examine(model, clean, noisy):
    denoised = np.concatenate([np.asarray(model(noisy[i : i + 5])) for i in range(0, len(noisy), 5)])
    rows = np.zeros((3, *clean.shape), dtype="float32")
    rows[0], rows[1], rows[2] = noisy, denoised, clean
    gains = [float(psnr(clean[[i]], denoised[[i]])[0] - psnr(clean[[i]], noisy[[i]])[0]) for i in range(len(clean))]
    pairs = sorted((g, i) for i, g in enumerate(gains) if g < 0)
    return {"rows": rows, "gain": sum(gains) / len(gains), "harmed": [i for _, i in pairs]}
""",
        "rival": """
from scipy.ndimage import gaussian_filter1d


def blur(images, sigma):
    return gaussian_filter1d(gaussian_filter1d(images, sigma, axis=1), sigma, axis=2)


def tune_blur(noisy, clean, sigmas):
    best = None
    for sigma in sigmas:
        x, y = blur(noisy, sigma).flatten(), clean.flatten()
        slope = np.mean((x - x.mean()) * (y - y.mean())) / np.var(x)
        intercept = y.mean() - slope * x.mean()
        error = np.mean((slope * x + intercept - y) ** 2)
        if best is None or error < best[0]:
            best = error, sigma, slope, intercept
    return [best[1], best[2], best[3]]
""",
        "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    inputs, targets = [], []
    for copy in range(copies):
        rng = np.random.default_rng(1000 * seed + copy)
        for image in clean:
            level = low + (high - low) * rng.random()
            noisy = image + level * rng.standard_normal(image.shape)
            inputs.append(np.minimum(np.maximum(noisy, 0), 1))
            targets.append(image)
    return np.array(inputs, dtype=np.float32), np.array(targets, dtype=np.float32)
""",
        "denoise-large": """
def denoise_large(model, picture, tile, step):
    corners = set()
    height, width = picture.shape
    r = 0
    while r < height - tile + step:
        c = 0
        while c < width - tile + step:
            corners.add((min(r, height - tile), min(c, width - tile)))
            c += step
        r += step
    corners = sorted(corners)
    batch = np.array([picture[r : r + tile, c : c + tile, None] for r, c in corners])
    answers = model.predict(batch, verbose=0)
    total = np.zeros((height, width, 2))
    for (r, c), answer in zip(corners, answers):
        total[r : r + tile, c : c + tile, 0] += answer[:, :, 0]
        total[r : r + tile, c : c + tile, 1] += 1
    return total[..., 0] / total[..., 1]
""",
    },
    {  # Keras and its operations
        "noisy-copy": """
def noisy_copy(images, noise_factor, seed):
    noise = np.asarray(keras.random.normal(np.shape(images), seed=seed))
    level = np.ravel(noise_factor)
    level = level.reshape((len(level),) + (1,) * (images.ndim - 1))
    return np.clip(images + level * noise, 0.0, 1.0).astype("float32")
""",
        "decibels": """
def decibels(clean, image, peak=1.0):
    a, b = np.array(clean, "float64"), np.array(image, "float64")
    mse = ((a - b) ** 2).reshape(len(a), -1).mean(1)
    return np.where(mse == 0, np.inf, 20 * np.log10(peak) - 10 * np.log10(np.where(mse == 0, 1, mse)))
""",
        "examine": """
def examine(model, clean, noisy):
    denoised = keras.ops.convert_to_numpy(model(noisy, training=False))
    gain = psnr(clean, denoised) - psnr(clean, noisy)
    ranked = gain.argsort()
    return {
        "gain": gain.mean(),
        "harmed": ranked[: (gain < 0).sum()],
        "rows": np.stack((noisy, denoised, clean), axis=0),
    }
""",
        "rival": """
def blur(images, sigma):
    images = np.asarray(images, dtype="float64")
    return np.stack([gaussian_filter(x, sigma=(sigma, sigma, 0)) for x in images])


def tune_blur(noisy, clean, sigmas):
    def fitted(sigma):
        z, y = blur(noisy, sigma).ravel(), np.asarray(clean, float).ravel()
        (slope, intercept), *_ = np.linalg.lstsq(np.vstack([z, np.ones(len(z))]).T, y, rcond=None)
        return np.square(slope * z + intercept - y).sum(), sigma, slope, intercept

    return tuple(sorted(fitted(s) for s in sigmas)[0][1:])
""",
        "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    rng = np.random.default_rng(seed)
    targets = np.repeat(clean[None], copies, axis=0).reshape(-1, *clean.shape[1:]).astype("float32")
    sigma = rng.uniform(low, high, size=len(targets)).reshape(-1, 1, 1, 1)
    inputs = rng.normal(targets, np.broadcast_to(sigma, targets.shape)).clip(0, 1)
    return inputs.astype("float32"), targets
""",
        "denoise-large": """
def denoise_large(model, picture, tile, step):
    def starts(n):
        k = -(-(n - tile) // step) + 1
        return [min(i * step, n - tile) for i in range(k)]

    grid = [(r, c) for r in starts(picture.shape[0]) for c in starts(picture.shape[1])]
    tiles = np.stack([picture[r:, c:][:tile, :tile] for r, c in grid])
    values = np.asarray(model(tiles[..., None]))[..., 0]
    out, weight = np.zeros_like(picture, "float64"), np.zeros_like(picture, "float64")
    for (r, c), value in zip(grid, values):
        out[r : r + tile, c : c + tile] += value
        weight[r : r + tile, c : c + tile] += 1
    return out / weight
""",
    },
    {  # short
        "noisy-copy": """
def noisy_copy(x, s, seed):
    e = np.random.default_rng(seed).normal(size=x.shape)
    return np.float32(np.clip(x + (e.T * s).T, 0, 1))
""",
        "decibels": """
def decibels(c, x, peak=1.0):
    m = np.square(np.subtract(c, x, dtype=float)).mean(tuple(range(1, c.ndim)))
    return np.array([10 * np.log10(peak**2 / v) if v else np.inf for v in m])
""",
        "examine": """
def examine(model, clean, noisy):
    y = model.predict(noisy, verbose=0)
    g = psnr(clean, y) - psnr(clean, noisy)
    return {"rows": np.array([noisy, y, clean]), "gain": g.mean(), "harmed": [i for i in g.argsort() if g[i] < 0]}
""",
        "rival": """
blur = lambda x, s: gaussian_filter(x, [0, s, s, 0])


def tune_blur(x, y, sigmas):
    f = lambda s: np.polyfit(blur(x, s).ravel(), y.ravel(), 1)
    return min(((np.var(np.polyval(f(s), blur(x, s)) - y), s, *f(s)) for s in sigmas))[1:]
""",
        "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    y = np.concatenate([clean] * copies).astype("float32")
    a, b = np.random.SeedSequence(seed).generate_state(2)
    return noisy_copy(y, np.random.default_rng(a).uniform(low, high, len(y)), int(b)), y
""",
        "denoise-large": """
def denoise_large(model, p, t, s):
    rs, cs = (sorted({*range(0, n - t, s), n - t}) for n in p.shape)
    at = [np.s_[r : r + t, c : c + t] for r in rs for c in cs]
    out, n = np.zeros(p.shape), np.zeros(p.shape)
    for a, y in zip(at, model.predict(np.array([p[a] for a in at])[..., None], verbose=0)):
        out[a] += y.squeeze(-1)
        n[a] += 1
    return out / n
""",
    },
]

WRONG = [
    {
        "what": "a network that copies, and one level for all",
        "answers": {
            "noisy-copy": """
def noisy_copy(images, noise_factor, seed):
    rng = np.random.default_rng(seed)
    noisy = images + np.mean(noise_factor) * rng.standard_normal(images.shape)
    return np.clip(noisy, 0, 1).astype("float32")
""",
            "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    targets = np.concatenate([clean] * copies).astype("float32")
    rng = np.random.default_rng(seed)
    noisy = targets + rng.uniform(low, high) * rng.standard_normal(targets.shape)
    return np.clip(noisy, 0, 1).astype("float32"), targets
""",
            "denoiser": """
denoiser = keras.Sequential([keras.Input((28, 28, 1)), layers.Activation("linear")])
""",
        },
        "fails": [
            "test-noisy-copy-levels",
            "test-training-pairs-levels",
            "test-denoiser",
            "test-denoiser-weak",
            "test-denoiser-strong",
        ],
    },
    {
        "what": "an all-black answer, and seeds of the whole program",
        "answers": {
            "noisy-copy": """
def noisy_copy(images, noise_factor, seed):
    level = np.asarray(noise_factor).reshape(-1, *[1] * (images.ndim - 1))
    noisy = images + level * np.random.normal(size=images.shape)
    return np.clip(noisy, 0, 1).astype("float32")
""",
            "decibels": """
def decibels(clean, image, peak=1.0):
    mse = np.mean((clean - image) ** 2, axis=tuple(range(1, clean.ndim)))
    return 10 * np.log10(peak**2 / mse)
""",
            "denoiser": """
denoiser = keras.Sequential(
    [keras.Input((28, 28, 1)), layers.Conv2D(1, 3, padding="same", kernel_initializer="zeros")]
)
""",
        },
        "fails": [
            "test-noisy-copy",
            "test-decibels-edges",
            "test-training-pairs",
            "test-denoiser",
            "test-denoiser-weak",
            "test-denoiser-strong",
        ],
    },
    {
        "what": "one convolution, which is a blur again, and clean input in the evaluation",
        "answers": {
            "examine": """
def examine(model, clean, noisy):
    denoised = model.predict(clean, verbose=0)
    gain = psnr(clean, denoised) - psnr(clean, noisy)
    order = np.argsort(gain)
    return {
        "rows": np.stack([noisy, denoised, clean]),
        "gain": float(gain.mean()),
        "harmed": order[gain[order] < 0],
    }
""",
            "denoiser": """
keras.utils.set_random_seed(1)
denoiser = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(1, 7, padding="same")])
denoiser.compile(keras.optimizers.Adam(1e-2), "mse")
inputs, targets = training_pairs(x_train, 0.02, 0.9, copies=1, seed=0)
denoiser.fit(inputs, targets, epochs=2, batch_size=64, verbose=0)
""",
            "denoise-large": """
def denoise_large(model, picture, tile, step):
    out = np.zeros(picture.shape)
    for row in sorted({*range(0, picture.shape[0] - tile + 1, step), picture.shape[0] - tile}):
        for column in sorted({*range(0, picture.shape[1] - tile + 1, step), picture.shape[1] - tile}):
            place = np.s_[row : row + tile, column : column + tile]
            out[place] = np.asarray(model(picture[place][None, ..., None]))[0, ..., 0]
    return out
""",
        },
        "fails": [
            "test-examine",
            "test-examine-harmed",
            "test-denoiser",
            "test-denoiser-weak",
            "test-denoiser-strong",
            "test-denoise-large-overlap",
            "test-denoise-large-rest",
        ],
    },
    {
        "what": "trained on strong noise alone, and the gain turned round",
        "answers": {
            "examine": """
def examine(model, clean, noisy):
    denoised = model.predict(noisy, verbose=0)
    gain = psnr(clean, noisy) - psnr(clean, denoised)
    order = np.argsort(-gain)
    return {
        "rows": np.stack([noisy, denoised, clean]),
        "gain": float(gain.mean()),
        "harmed": order[gain[order] > 0],
    }
""",
            "denoiser": """
keras.utils.set_random_seed(1)
conv = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
denoiser = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(12, 3, strides=2, **conv),
        layers.Conv2D(16, 3, strides=2, **conv),
        layers.Conv2DTranspose(12, 3, strides=2, **conv),
        layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
    ]
)
inputs, targets = training_pairs(x_train, 0.7, 0.9, copies=1, seed=0)
denoiser.compile(keras.optimizers.Adam(6e-3), "binary_crossentropy")
denoiser.fit(inputs, targets, epochs=2, batch_size=32, verbose=0)
""",
            "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    targets = np.repeat(clean, copies, axis=0).astype("float32")
    levels = np.random.default_rng([seed, 0]).uniform(low, high, len(targets))
    return noisy_copy(targets, levels, seed=[seed, 1]), targets
""",
        },
        "fails": ["test-examine", "test-denoiser-weak", "test-denoiser", "test-training-pairs"],
    },
    {
        "what": "each copy like the first, black beyond the edges, one tile too many",
        "answers": {
            "training-pairs": """
def training_pairs(clean, low, high, copies, seed):
    rng = np.random.default_rng(seed)
    levels = rng.uniform(low, high, (len(clean), 1, 1, 1))
    noisy = np.clip(clean + levels * rng.standard_normal(clean.shape), 0, 1)
    inputs = np.concatenate([noisy] * copies).astype("float32")
    return inputs, np.concatenate([clean] * copies).astype("float32")
""",
            "rival": """
def blur(images, sigma):
    return gaussian_filter(images, (0, sigma, sigma, 0), mode="constant")


def tune_blur(noisy, clean, sigmas):
    errors = [np.mean((blur(noisy, sigma) - clean) ** 2) for sigma in sigmas]
    return sigmas[int(np.argmin(errors))], 1.0, 0.0
""",
            "denoise-large": """
def denoise_large(model, picture, tile, step):
    def begins(length):
        return [*range(0, length - tile + 1, step), length - tile]

    total, count = np.zeros((2, *picture.shape))
    for row in begins(picture.shape[0]):
        for column in begins(picture.shape[1]):
            place = np.s_[row : row + tile, column : column + tile]
            total[place] += np.asarray(model(picture[place][None, ..., None]))[0, ..., 0]
            count[place] += 1
    return total / count
""",
        },
        "fails": [
            "test-training-pairs",
            "test-training-pairs-levels",
            "test-blur",
            "test-tune-blur",
            "test-denoise-large-overlap",
            "test-denoise-large-rest",
        ],
    },
]
