"""Quiet logs before any test imports Keras."""

from aeutils import runtime

runtime.quiet_logs()
