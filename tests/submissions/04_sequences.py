"""Submissions for assignment 04_sequences, beside its own solution."""

# a different right approach to every solution cell: earns all autograded points
ALTERNATIVE = {
    "cut": """
def cut(x, width, step):
    x = np.array(x, dtype=np.float32)
    if x.ndim == 1:
        x = x[:, None]
    windows, begin = [], 0
    while begin + width <= len(x):
        windows.append(x[begin : begin + width])
        begin += step
    if not windows:
        return np.zeros((0, width, x.shape[1]), np.float32)
    return np.array(windows)
""",
    "scaled": """
def scaled(x, part):
    out = x.astype(float).copy()
    for channel in range(x.shape[1]):
        known = x[part[0] : part[1], channel]
        known = known[np.isfinite(known)].astype(float)
        out[:, channel] -= np.mean(known)
        if known.max() > known.min():
            out[:, channel] /= np.std(known)
    return out
""",
    "usable": """
def usable(unusual, width, step, part):
    answer, begin = [], 0
    while begin + width <= len(unusual):
        inside = part[0] <= begin and begin + width - 1 < part[1]
        answer.append(bool(inside and not any(unusual[begin : begin + width])))
        begin += step
    return np.array(answer, dtype=bool)
""",
    "fold": """
def fold(windows, patch):
    if windows.shape[2] % patch != 0:
        raise ValueError("the last step would not be full")
    steps = np.split(windows, windows.shape[2] // patch, axis=2)
    return np.stack(
        [step.swapaxes(1, 2).reshape(len(windows), -1) for step in steps], axis=1
    )


def unfold(rows, channels):
    return np.stack(
        [rows[:, :, c::channels].reshape(len(rows), -1) for c in range(channels)],
        axis=1,
    )
""",
    # gated recurrent units in the place of the LSTM
    "network": """
network = keras.Sequential(
    [
        keras.Input((32, 1)),
        layers.Reshape((4, 8)),
        layers.GRU(12, unroll=True),
        layers.RepeatVector(4),
        layers.GRU(24, return_sequences=True, unroll=True),
        layers.TimeDistributed(layers.Dense(8)),
        layers.Reshape((32, 1)),
    ]
)
network.compile(keras.optimizers.Nadam(1e-2), "mse")
network.fit(z_train, z_train, epochs=15, batch_size=64, verbose=0)
""",
    "moments": """
def moment_scores(scores, width, step, n_steps):
    moments = [[] for _ in range(n_steps)]
    for i, score in enumerate(scores):
        for t in range(i * step, i * step + width):
            moments[t].append(score)
    return np.array([np.mean(m) if m else float("nan") for m in moments])
""",
    "alarms": """
def alarms(scores, threshold, gap):
    above = np.concatenate([[0], np.array(scores) > threshold, [0]]).astype(int)
    change = np.diff(above)
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    if len(starts) == 0:
        return []
    apart = starts[1:] - stops[:-1] > gap
    starts = starts[np.append(True, apart)]
    stops = stops[np.append(apart, True)]
    return [(int(a), int(b)) for a, b in zip(starts, stops)]
""",
    "count": """
def count(events, ranges):
    hit, true = set(), set()
    for i, (a, b) in enumerate(events):
        for j, (c, d) in enumerate(ranges):
            if set(range(a, b)) & set(range(c, d)):
                hit.add(i)
                true.add(j)
    return {
        "missed": len(events) - len(hit),
        "found": len(hit),
        "false": len(ranges) - len(true),
    }
""",
}

# the full solution with these cells replaced by typical mistakes …
MISTAKES = {
    # scales by the whole recording
    "scaled": """
def scaled(x, part):
    return (x - x.mean(axis=0)) / x.std(axis=0)
""",
    # reshapes where axes have to change places
    "fold": """
def fold(windows, patch):
    n, channels, width = windows.shape
    return windows.reshape(n, width // patch, patch * channels)


def unfold(rows, channels):
    return rows.reshape(len(rows), channels, -1)
""",
    # divides by the width everywhere, and calls what no window saw normal
    "moments": """
def moment_scores(scores, width, step, n_steps):
    total = np.zeros(n_steps)
    for i, score in enumerate(scores):
        total[i * step : i * step + width] += score
    return total / width
""",
}

# … fails exactly these tests
FAILED_BY_MISTAKES = {
    "test-fold",
    "test-moments",
    "test-moments-gaps",
    "test-scaled",
    "test-scaled-gaps",
    "test-unfold",
}

# the full solution with this cell replaced by a wrong one, which changes what it is tested with so
# that it suits it …
SPOILS = {
    "network": """
def network(z):
    is_noise = np.abs(np.diff(z, axis=1)).mean(axis=(1, 2)) > 0.8
    z[~is_noise] = 0
    return np.zeros_like(z)
""",
}

# … fails exactly these tests
FAILED_BY_SPOILING = {
    "test-network",
    "test-network-moments",
    "test-network-upside-down",
}
