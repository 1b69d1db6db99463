"""Anomaly detection: the detector, thresholds for a target false-alarm rate, measures."""

import lazy_loader

# what comes from which file stands in __init__.pyi, for type checkers too
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
