"""Five right and five wrong submissions for assignment 05_variational."""

TRAINED = {
    "train": ["test-train", "test-train-bound", "test-train-samples"],
    "budget": ["test-budget", "test-budget-bound"],
}

RIGHT = [
    {  # as the chapter does it
        "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    each = 0.5 * (
        ((mean - prior_mean) ** 2 + ops.exp(log_var)) / ops.exp(prior_log_var)
        - 1
        - (log_var - prior_log_var)
    )
    return ops.sum(each, axis=-1)
""",
        "draw": """
def draw_codes(mean, log_var, noise):
    return mean + ops.exp(log_var / 2) * noise
""",
        "elbo": """
def negative_elbo(x, logits, mean, log_var):
    log_p = ops.sum(x * logits - ops.softplus(logits), axis=-1)
    return kl_divergence(mean, log_var) - log_p
""",
        "rival": """
def mean_image_cost(x_known, x):
    p = np.clip(np.mean(x_known, axis=0), 0.001, 0.999)
    return -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)
""",
        "train": """
class VAE(keras.Model):
    def __init__(self, latent_dim, beta):
        super().__init__()
        relu = {"activation": "relu", "kernel_initializer": "he_normal"}
        image = keras.Input((196,))
        h = layers.Dense(200, **relu)(layers.Dense(300, **relu)(image))
        outputs = [layers.Dense(latent_dim)(h), layers.Dense(latent_dim)(h)]
        self.encoder = keras.Model(image, outputs)
        self.decoder = keras.Sequential(
            [
                keras.Input((latent_dim,)),
                layers.Dense(200, **relu),
                layers.Dense(300, **relu),
                layers.Dense(196),
            ]
        )
        self.beta = beta
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        if training:
            random = keras.random.uniform(ops.shape(x), seed=self.generator)
            x = ops.cast(random < x, "float32")
        mean, log_var = self.encoder(x)
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return x, self.decoder(draw_codes(mean, log_var, noise)), mean, log_var

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        x, logits, mean, log_var = y_pred
        kl = kl_divergence(mean, log_var)
        return ops.mean(negative_elbo(x, logits, mean, log_var) + (self.beta - 1) * kl)


def trained(latent_dim, beta=1.0, epochs=9):
    keras.utils.set_random_seed(3)
    vae = VAE(latent_dim, beta)
    steps = epochs * len(x_train) // 200
    rate = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    vae.compile(keras.optimizers.Adam(rate))
    vae.fit(x_train, epochs=epochs, batch_size=200, verbose=0)
    return vae.encoder, vae.decoder


encoder, decoder = trained(10)
""",
        "budget": """
encoder_small, decoder_small = trained(2, epochs=9)
""",
        "sample": """
def sample_digits(decoder, n, seed):
    codes = np.random.default_rng(seed).normal(size=(n, decoder.input_shape[-1]))
    logits = decoder.predict(codes, verbose=0)
    return 1 / (1 + np.exp(-logits.astype("float64")))
""",
        "path": """
def round_path(start, end, n_steps):
    lengths = np.linspace(np.linalg.norm(start), np.linalg.norm(end), n_steps)
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    angle = np.arccos(np.clip(np.dot(a, b), -1, 1))
    path = []
    for t, length in zip(np.linspace(0, 1, n_steps), lengths):
        if angle < 1e-6:
            direction = a
        else:
            direction = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
        path.append(length * direction)
    return np.array(path)
""",
    },
    {  # NumPy and SciPy
        "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    ratio = np.exp(np.asarray(log_var) - prior_log_var)
    shift = (np.asarray(mean) - prior_mean) ** 2 / np.exp(prior_log_var)
    return 0.5 * np.sum(ratio + shift - 1 - np.log(ratio), axis=1)
""",
        "draw": """
def draw_codes(mean, log_var, noise):
    sigma = np.sqrt(np.exp(log_var))
    return np.asarray(mean) + sigma * noise
""",
        "elbo": """
def negative_elbo(x, logits, mean, log_var):
    signed = np.where(np.asarray(x) == 1, logits, -np.asarray(logits))
    return np.logaddexp(0, -signed).sum(axis=1) + kl_divergence(mean, log_var)
""",
        "rival": """
from scipy.stats import bernoulli


def mean_image_cost(x_known, x):
    p = x_known.mean(axis=0).clip(0.001, 0.999)
    return -bernoulli.logpmf(x.astype(int), p).sum(axis=1)
""",
        "sample": """
from scipy.special import expit


def sample_digits(decoder, n, seed):
    rng = np.random.default_rng(seed)
    codes = rng.standard_normal((n, decoder.input_shape[1]), dtype="float32")
    return expit(np.asarray(decoder(codes)))
""",
        "path": """
from scipy.spatial import geometric_slerp


def round_path(start, end, n_steps):
    size = np.linspace(np.linalg.norm(start), np.linalg.norm(end), n_steps)
    unit = [np.asarray(v, float) / np.linalg.norm(v) for v in (start, end)]
    return size[:, None] * geometric_slerp(*unit, np.linspace(0, 1, n_steps))
""",
    },
    {  # loops
        "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    n, d = np.shape(mean)
    m_p = np.zeros(d) + prior_mean
    v_p = np.exp(np.zeros(d) + prior_log_var)
    result = np.zeros(n)
    for i in range(n):
        for j in range(d):
            m, v = float(mean[i][j]), np.exp(float(log_var[i][j]))
            result[i] += 0.5 * ((v + (m - m_p[j]) ** 2) / v_p[j] - 1)
            result[i] += 0.5 * (np.log(v_p[j]) - float(log_var[i][j]))
    return result
""",
        "draw": """
def draw_codes(mean, log_var, noise):
    return np.exp(0.5 * np.array(log_var)) * np.array(noise) + np.array(mean)
""",
        "elbo": """
def negative_elbo(x, logits, mean, log_var):
    result = np.array(kl_divergence(mean, log_var), dtype=float)
    for i in range(len(x)):
        for pixel, logit in zip(x[i].tolist(), logits[i].tolist()):
            wrong = -logit if pixel == 1 else logit
            result[i] += max(wrong, 0) + np.log1p(np.exp(-abs(wrong)))
    return result
""",
        "rival": """
import math


def mean_image_cost(x_known, x):
    p = [min(max(float(v), 0.001), 0.999) for v in x_known.mean(axis=0)]
    return np.array(
        [-sum(math.log(q if v else 1 - q) for v, q in zip(row, p)) for row in x.tolist()]
    )
""",
        "sample": """
def sample_digits(decoder, n, seed):
    rng = np.random.RandomState(seed)
    d = decoder.input_shape[-1]
    pictures = []
    for begin in range(0, n, 500):
        codes = rng.randn(min(500, n - begin), d).astype("float32")
        pictures.append(np.asarray(ops.sigmoid(decoder(codes))))
    return np.concatenate(pictures)
""",
        "path": """
import math


def round_path(start, end, n_steps):
    r0 = math.sqrt(sum(v * v for v in start))
    r1 = math.sqrt(sum(v * v for v in end))
    cosine = sum(a * b for a, b in zip(start, end)) / (r0 * r1)
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    steps = []
    for k in range(n_steps):
        t = k / (n_steps - 1)
        r = r0 + t * (r1 - r0)
        if angle < 1e-5:
            wa, wb = 1 - t, t
        else:
            wa = math.sin((1 - t) * angle) / math.sin(angle)
            wb = math.sin(t * angle) / math.sin(angle)
        steps.append([r * (wa * a / r0 + wb * b / r1) for a, b in zip(start, end)])
    return np.array(steps)
""",
    },
    {  # Keras and its losses
        "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    z = (mean - prior_mean) * ops.exp(-0.5 * ops.convert_to_tensor(prior_log_var, "float32"))
    gap = log_var - prior_log_var
    return ops.sum(ops.square(z) + ops.exp(gap) - gap - 1, axis=-1) / 2
""",
        "draw": """
def draw_codes(mean, log_var, noise):
    return ops.add(mean, ops.multiply(ops.sqrt(ops.exp(log_var)), noise))
""",
        "elbo": """
def negative_elbo(x, logits, mean, log_var):
    each = ops.maximum(logits, 0) - logits * x + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.sum(each, axis=1) + kl_divergence(mean, log_var)
""",
        "rival": """
def mean_image_cost(x_known, x):
    p = np.broadcast_to(np.clip(x_known.mean(0), 0.001, 0.999), x.shape)
    cost = keras.losses.binary_crossentropy(x.astype("float32"), p.astype("float32"))
    return np.asarray(cost) * x.shape[1]
""",
        "sample": """
def sample_digits(decoder, n, seed):
    codes = keras.random.normal((n, decoder.input_shape[-1]), seed=seed)
    return ops.sigmoid(decoder(codes))
""",
        "path": """
def round_path(start, end, n_steps):
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    side = b - (a @ b) * a
    size = np.linalg.norm(side)
    angle = np.arctan2(size, a @ b)
    side = side / size if size > 1e-9 else side
    t = np.linspace(0, 1, n_steps)[:, None]
    unit = np.cos(t * angle) * a + np.sin(t * angle) * side
    return unit * ((1 - t) * np.linalg.norm(start) + t * np.linalg.norm(end))
""",
    },
    {  # short
        "kl": """
def kl_divergence(m, v, a=0.0, b=0.0):
    return ((np.exp(v) + (m - a) ** 2) * np.exp(-np.asarray(b)) - 1 - v + b).sum(-1) / 2
""",
        "draw": "draw_codes = lambda mean, log_var, noise: mean + noise * np.exp(log_var / 2)",
        "elbo": """
def negative_elbo(x, a, m, v):
    return np.logaddexp(0, np.float64((1 - 2 * x) * a)).sum(-1) + kl_divergence(m, v)
""",
        "rival": """
def mean_image_cost(k, x):
    p = np.float64(k.mean(0)).clip(0.001, 0.999)
    return -np.log(x * p + (1 - x) * (1 - p)).sum(1)
""",
        "sample": """
def sample_digits(decoder, n, seed):
    z = np.float32(np.random.default_rng(seed).normal(size=(n, decoder.input_shape[-1])))
    return 0.5 + 0.5 * np.tanh(decoder.predict(z, verbose=0) / 2)
""",
        "path": """
def round_path(s, e, n):
    r, q = np.linalg.norm([s, e], axis=1), np.linspace(0, 1, n)[:, None]
    w = np.arccos(np.clip(s @ e / r.prod(), -1, 1)) or 1e-9
    mix = (np.sin((1 - q) * w) * s / r[0] + np.sin(q * w) * e / r[1]) / np.sin(w)
    return mix * (r[0] + q * (r[1] - r[0]))
""",
    },
]

WRONG = [
    {
        "what": "the two Gaussians exchanged, probabilities clipped",
        "answers": {
            "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    ratio = (ops.exp(prior_log_var + 0 * log_var) + ops.square(mean - prior_mean)) / ops.exp(log_var)
    return 0.5 * ops.sum(log_var - prior_log_var + ratio - 1, axis=-1)
""",
            "elbo": """
def negative_elbo(x, logits, mean, log_var):
    p = ops.clip(ops.sigmoid(logits), 1e-7, 1 - 1e-7)
    surprise = -ops.sum(x * ops.log(p) + (1 - x) * ops.log(1 - p), axis=-1)
    return surprise + 0.5 * ops.sum(mean**2 + ops.exp(log_var) - 1 - log_var, axis=-1)
""",
        },
        "fails": ["test-kl", "test-kl-prior", "test-kl-edges", "test-elbo-large"],
    },
    {
        "what": "means instead of sums, the standard deviation taken for its logarithm",
        "answers": {
            "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    ratio = (ops.exp(log_var) + ops.square(mean - prior_mean)) * ops.exp(-prior_log_var)
    return 0.5 * ops.mean(prior_log_var - log_var + ratio - 1, axis=-1)
""",
            "draw": """
def draw_codes(mean, log_var, noise):
    return mean + ops.exp(log_var) * noise
""",
            "elbo": """
def negative_elbo(x, logits, mean, log_var):
    return ops.mean(ops.softplus(logits) - x * logits, axis=-1) + kl_divergence(mean, log_var)
""",
        },
        "fails": [
            "test-kl",
            "test-kl-prior",
            "test-kl-edges",
            "test-draw",
            "test-elbo",
            "test-elbo-kl",
            "test-elbo-large",
        ],
    },
    {
        "what": "networks that were never trained",
        "answers": {
            "train": """
image = keras.Input((196,))
h = layers.Dense(64, activation="relu")(image)
encoder = keras.Model(image, [layers.Dense(8)(h), layers.Dense(8)(h)])
decoder = keras.Sequential(
    [keras.Input((8,)), layers.Dense(64, activation="relu"), layers.Dense(196)]
)
""",
            "budget": """
encoder_small, decoder_small = encoder, decoder
""",
            "sample": """
def sample_digits(decoder, n, seed):
    codes = np.random.default_rng(0).normal(size=(n, decoder.input_shape[-1]))
    return np.asarray(ops.sigmoid(decoder.predict(codes, verbose=0)))
""",
        },
        "fails": [
            "test-train",
            "test-train-bound",
            "test-train-samples",
            "test-budget",
            "test-budget-bound",
            "test-sample",
        ],
    },
    {
        "what": "a code that carries nothing: the mean image, whatever comes",
        "answers": {
            "train": """
p = x_train.mean(axis=0).clip(0.001, 0.999)
nothing = {"kernel_initializer": "zeros"}
image = keras.Input((196,))
encoder = keras.Model(image, [layers.Dense(2, **nothing)(image), layers.Dense(2, **nothing)(image)])
decoder = keras.Sequential([keras.Input((2,)), layers.Dense(196, **nothing)])
decoder.set_weights([np.zeros((2, 196)), np.log(p / (1 - p))])
""",
            "budget": """
encoder_small, decoder_small = encoder, decoder
""",
            "rival": """
def mean_image_cost(x_known, x):
    p = np.clip(x_known.mean(), 0.001, 0.999)
    return -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
""",
        },
        "fails": [
            "test-train",
            "test-train-bound",
            "test-train-samples",
            "test-budget",
            "test-budget-bound",
            "test-rival",
            "test-rival-range",
        ],
    },
    {
        "what": "one epoch, the straight way, answers typed in",
        "answers": {
            "train": """
class Trainer(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        mean, log_var = self.encoder(x)
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return x, self.decoder(draw_codes(mean, log_var, noise)), mean, log_var

    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__):
        return ops.mean(negative_elbo(*y_pred))


keras.utils.set_random_seed(0)
image = keras.Input((196,))
h = layers.Dense(128, activation="relu")(image)
encoder = keras.Model(image, [layers.Dense(8)(h), layers.Dense(8)(h)])
decoder = keras.Sequential(
    [keras.Input((8,)), layers.Dense(128, activation="relu"), layers.Dense(196)]
)
trainer = Trainer(encoder, decoder)
trainer.compile("adam")
trainer.fit(x_train, epochs=1, batch_size=200, verbose=0)
""",
            "path": """
def round_path(start, end, n_steps):
    share = np.linspace(0, 1, n_steps)[:, None]
    way = (1 - share) * start + share * end
    length = (1 - share) * np.linalg.norm(start) + share * np.linalg.norm(end)
    return way / np.linalg.norm(way, axis=1, keepdims=True) * length
""",
            "rival": """
def mean_image_cost(x_known, x):
    return np.array([2.0794, 0.9808] if x.shape[1] == 2 else [1.3883, 0.2897])
""",
        },
        "fails": [
            "test-train",
            "test-train-bound",
            "test-train-samples",
            "test-path",
            "test-rival",
            "test-rival-range",
        ],
    },
]
