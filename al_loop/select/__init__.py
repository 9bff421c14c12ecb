"""Which frames are labelled: deviation, trust levels, filters, the batch."""

from al_loop.select.batch import Batch, Pick, Pool, choose_batch
from al_loop.select.filters import Filter, all_of, apart, finite, make_filter, within_density
from al_loop.select.trust import ACCURATE, CANDIDATE, FAILED, classify

__all__ = [
    "ACCURATE",
    "CANDIDATE",
    "FAILED",
    "Batch",
    "Filter",
    "Pick",
    "Pool",
    "all_of",
    "apart",
    "choose_batch",
    "classify",
    "finite",
    "make_filter",
    "within_density",
]
