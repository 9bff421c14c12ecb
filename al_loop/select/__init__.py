"""Which frames are labelled: deviation, trust levels, filters, diversity, the batch."""

from al_loop.select.batch import Batch, Described, Pick, Pool, choose_batch
from al_loop.select.calibration import (
    Calibrated,
    Calibration,
    Evidence,
    Rule,
    calibrate,
    conformal_quantile,
)
from al_loop.select.diversity import Candidate, Environments, Novel, farthest_first
from al_loop.select.environment import Environment, uncertain_environment
from al_loop.select.filters import Filter, all_of, apart, finite, make_filter, within_density
from al_loop.select.stranded import Stranded, stranded_systems
from al_loop.select.trust import ACCURATE, CANDIDATE, FAILED, classify

__all__ = [
    "ACCURATE",
    "CANDIDATE",
    "FAILED",
    "Batch",
    "Calibrated",
    "Calibration",
    "Candidate",
    "Described",
    "Environment",
    "Environments",
    "Evidence",
    "Filter",
    "Novel",
    "Pick",
    "Pool",
    "Rule",
    "Stranded",
    "all_of",
    "apart",
    "calibrate",
    "choose_batch",
    "classify",
    "conformal_quantile",
    "farthest_first",
    "finite",
    "make_filter",
    "stranded_systems",
    "uncertain_environment",
    "within_density",
]
