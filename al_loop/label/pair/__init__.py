"""Published classical pair potentials as labellers that cost milliseconds."""

from al_loop.label.pair.labeller import PairLabeller
from al_loop.label.pair.options import PairOptions

__all__ = ["PairLabeller", "PairOptions"]
