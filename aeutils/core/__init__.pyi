from .inspection import count_macs as count_macs
from .inspection import receptive_field as receptive_field
from .networks import dense_autoencoder as dense_autoencoder
from .networks import split_at as split_at
from .training import Progress as Progress
from .training import steps_per_execution as steps_per_execution
