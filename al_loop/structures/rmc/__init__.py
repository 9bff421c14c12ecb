"""Structures from pair distributions: RMC, hybrid RMC, and FEAR."""

from al_loop.structures.rmc.energy import PairTable, tabulated
from al_loop.structures.rmc.fear import Cycle, refine
from al_loop.structures.rmc.target import Grid, Target, on_bins
from al_loop.structures.rmc.walk import Bias, ReverseMonteCarlo, Tally

__all__ = [
    "Bias",
    "Cycle",
    "Grid",
    "PairTable",
    "ReverseMonteCarlo",
    "Tally",
    "Target",
    "on_bins",
    "refine",
    "tabulated",
]
