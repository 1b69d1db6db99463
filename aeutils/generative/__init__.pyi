from .diffusion import DiffusionDenoiser as DiffusionDenoiser
from .diffusion import denoising_steps as denoising_steps
from .diffusion import diffusion_network as diffusion_network
from .diffusion import load_digit_generator as load_digit_generator
from .diffusion import noise_levels as noise_levels
from .vae import VariationalAutoencoder as VariationalAutoencoder
from .vae import binarize as binarize
