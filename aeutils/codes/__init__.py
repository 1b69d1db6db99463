"""Codes that can be read: sparse autoencoders, and how well they find known features."""

import lazy_loader

# what comes from which file stands in __init__.pyi, for type checkers too
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
