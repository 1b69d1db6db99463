from .detector import AutoencoderDetector as AutoencoderDetector
from .scores import conformal_p_values as conformal_p_values
from .scores import detection_report as detection_report
from .scores import discoveries as discoveries
from .scores import reconstruction_error as reconstruction_error
from .scores import threshold_at as threshold_at
