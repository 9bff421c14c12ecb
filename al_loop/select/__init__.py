"""Selection: which of the explored samples are worth a label. Pure functions, no files."""

from al_loop.select.batch import Batch, Pick, Pool, choose_batch
from al_loop.select.filters import Filter, make_filter
from al_loop.select.trust import ACCURATE, CANDIDATE, FAILED, classify

__all__ = [
    "ACCURATE",
    "CANDIDATE",
    "FAILED",
    "Batch",
    "Filter",
    "Pick",
    "Pool",
    "choose_batch",
    "classify",
    "make_filter",
]
