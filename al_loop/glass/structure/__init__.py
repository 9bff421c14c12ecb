"""Structure of a glass: pairs, scattering, angles, coordination, Qn, rings, contacts."""

from al_loop.glass.structure.pairs import PairDistributions, largest_radius, pair_distributions
from al_loop.glass.structure.scattering import (
    Peak,
    StructureFactors,
    first_sharp_peak,
    measured_correlation,
    structure_factors,
)

__all__ = [
    "PairDistributions",
    "Peak",
    "StructureFactors",
    "first_sharp_peak",
    "largest_radius",
    "measured_correlation",
    "pair_distributions",
    "structure_factors",
]
