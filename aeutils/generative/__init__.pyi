from .vae import VariationalAutoencoder as VariationalAutoencoder
from .vae import binarize as binarize
