from .layers import RandomNoise as RandomNoise
from .losses import negative_psnr as negative_psnr
from .measures import psnr as psnr
from .measures import ssim as ssim
from .networks import conv_denoiser as conv_denoiser
from .networks import residual_denoiser as residual_denoiser
