from .sparse import ReviveDeadUnits as ReviveDeadUnits
from .sparse import SparseCode as SparseCode
from .sparse import best_cosines as best_cosines
from .sparse import sparse_autoencoder as sparse_autoencoder
