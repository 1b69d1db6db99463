from .diagrams import Diagram as Diagram
from .diagrams import diagram as diagram
from .live import LiveFigure as LiveFigure
from .live import live_figure as live_figure
from .live import packed as packed
from .results import result as result
from .results import table as table
from .style import book_style as book_style
