"""Submissions for assignment 05_variational, beside its own solution."""

# a different right approach to every solution cell: earns all autograded points
ALTERNATIVE = {
    "kl": """
def kl_divergence(mean, log_var, prior_mean=0.0, prior_log_var=0.0):
    deviation, prior_deviation = np.exp(log_var / 2), np.exp(prior_log_var / 2)
    each = np.log(prior_deviation) - log_var / 2 - 0.5
    each = each + deviation**2 / (2 * prior_deviation**2)
    each = each + (mean - prior_mean) ** 2 / (2 * prior_deviation**2)
    return each.sum(axis=1)
""",
    "draw": """
def draw_codes(mean, log_var, noise):
    return mean + noise * ops.sqrt(ops.exp(log_var))
""",
    "elbo": """
def negative_elbo(x, logits, mean, log_var):
    entropy = keras.losses.binary_crossentropy(x, logits, from_logits=True)
    kl = np.array([kl_divergence(m[None], v[None])[0] for m, v in zip(mean, log_var)])
    return np.array(entropy) * x.shape[1] + kl
""",
    "rival": """
def mean_image_cost(x_known, x):
    p = np.average(x_known, axis=0)
    p = np.maximum(0.001, np.minimum(0.999, p))
    costs = []
    for picture in x:
        right = np.where(picture > 0.5, p, 1 - p)
        costs.append(-np.log(right).sum())
    return costs
""",
    # a loop of its own, on pictures that were drawn once
    "train": """
import tensorflow as tf


def vae_networks(latent_dim):
    image = keras.Input((196,))
    z = layers.Dense(256, activation="elu")(image)
    encoder = keras.Model(
        image, [layers.Dense(latent_dim)(z), layers.Dense(latent_dim)(z)]
    )
    decoder = keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(256, activation="elu"),
            layers.Dense(196),
        ]
    )
    return encoder, decoder


def train(x, latent_dim, beta=1.0, epochs=8):
    encoder, decoder = vae_networks(latent_dim)
    optimizer = keras.optimizers.Adam(2e-3)
    weights = encoder.trainable_variables + decoder.trainable_variables

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            mean, log_var = encoder(batch, training=True)
            z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
            logits = decoder(z, training=True)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(batch, logits)
            kl = 0.5 * (mean**2 + tf.exp(log_var) - 1 - log_var)
            loss = tf.reduce_mean(
                tf.reduce_sum(entropy, 1) + beta * tf.reduce_sum(kl, 1)
            )
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    data = tf.data.Dataset.from_tensor_slices(binarize(x, seed=1))
    data = data.shuffle(len(x)).batch(80, drop_remainder=True)
    for _ in range(epochs):
        for batch in data:
            step(batch)
    return encoder, decoder


encoder, decoder = train(x_train, 12)
""",
    "sample": """
def sample_digits(decoder, n, seed):
    width = decoder.input_shape[1]
    codes = np.random.RandomState(seed).normal(0, 1, (n, width))
    logits = np.array(decoder(codes.astype("float32")))
    return 0.5 * (1 + np.tanh(logits / 2))
""",
    "path": """
def round_path(start, end, n_steps):
    first, last = np.sqrt((start**2).sum()), np.sqrt((end**2).sum())
    ahead = start / first
    aside = end / last - (end / last @ ahead) * ahead
    if np.linalg.norm(aside) > 1e-9:
        aside = aside / np.linalg.norm(aside)
    whole = np.arctan2(end @ aside, end @ ahead)
    steps = []
    for share in np.linspace(0, 1, n_steps):
        unit = np.cos(share * whole) * ahead + np.sin(share * whole) * aside
        steps.append((first + share * (last - first)) * unit)
    return np.stack(steps)
""",
    # a larger beta in the place of fewer latent values
    "budget": """
encoder_small, decoder_small = train(x_train, latent_dim=10, beta=2.6)
""",
}

# the full solution with these cells replaced by typical mistakes …
MISTAKES = {
    # a pixel that was never white costs infinity
    "rival": """
def mean_image_cost(x_known, x):
    p = x_known.mean(axis=0)
    return -(x * np.log(p + 1e-7) + (1 - x) * np.log(1 - p + 1e-7)).sum(axis=1)
""",
    # logits are no probabilities
    "sample": """
def sample_digits(decoder, n, seed):
    keras.utils.set_random_seed(seed)
    codes = np.random.normal(size=(n, decoder.input_shape[-1]))
    return decoder.predict(codes, verbose=0)
""",
    # the straight way
    "path": """
def round_path(start, end, n_steps):
    share = np.linspace(0, 1, n_steps)[:, None]
    return (1 - share) * start + share * end
""",
    # so much weight that the code collapses
    "budget": """
encoder_small, decoder_small = train_vae(x_train, latent_dim=8, beta=10, epochs=2)
""",
}

# … fails exactly these tests
FAILED_BY_MISTAKES = {
    "test-budget",
    "test-budget-bound",
    "test-path",
    "test-rival-range",
    "test-sample",
}

# the full solution with these cells replaced by wrong ones, which change what they are tested
# with so that it suits them …
SPOILS = {
    "draw": """
def draw_codes(mean, log_var, noise):
    mean[...] = 0
    return np.exp(log_var / 2) * noise
""",
    # all images are black, and so is all that is decoded
    "train": """
def encoder(x):
    x[...] = 0
    return [np.full((len(x), 2), 1.2), np.zeros((len(x), 2))]


decoder = keras.Sequential([keras.Input((2,)), layers.Dense(196)])
decoder.set_weights([np.zeros((2, 196)), np.array([0.1] + 195 * [-30.0])])
""",
    "budget": """
encoder_small, decoder_small = encoder, decoder
""",
}

# … fails exactly these tests
FAILED_BY_SPOILING = {
    "test-budget",
    "test-budget-bound",
    "test-draw",
    "test-train",
    "test-train-bound",
    "test-train-samples",
}
