"""Recordings: windows, anomaly scores of steps and streams, networks, measures of ranges."""

import lazy_loader

# what comes from which file stands in __init__.pyi, for type checkers too
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
