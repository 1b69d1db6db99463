"""Checks of what is left to chance, over many seeds."""

import numpy as np
import pytest


def assert_share(count, n, share):
    """Check a count of independent cases against a share, within 4 standard deviations."""
    assert abs(count - n * share) < 4 * np.sqrt(n * share * (1 - share)) + 1, count / n


def assert_uniform(values, low, high):
    """Check that numbers lie within limits, and that their mean and spread are of such a range."""
    values = np.asarray(values)
    assert values.min() >= low - 0.02 * (high - low)
    assert values.max() <= high + 0.02 * (high - low)
    spread = (high - low) / np.sqrt(12)
    assert abs(values.mean() - (low + high) / 2) < 4 * spread / np.sqrt(len(values))
    assert values.std() == pytest.approx(spread, rel=0.2)
