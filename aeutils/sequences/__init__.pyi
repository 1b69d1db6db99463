from .measures import range_precision_recall as range_precision_recall
from .measures import vus_pr as vus_pr
from .networks import conv_sequence_autoencoder as conv_sequence_autoencoder
from .networks import lstm_autoencoder as lstm_autoencoder
from .streaming import StreamScorer as StreamScorer
from .streaming import score_steps as score_steps
from .windows import label_ranges as label_ranges
from .windows import sliding_windows as sliding_windows
