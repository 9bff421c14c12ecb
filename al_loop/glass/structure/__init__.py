"""Structure of a glass: pairs, scattering, angles, coordination, Qn, rings, contacts."""

from al_loop.glass.structure.angles import AngleDistribution, bond_angles
from al_loop.glass.structure.bonds import CUTOFFS, FORMERS, Bonds, bond_cutoffs, find_bonds
from al_loop.glass.structure.boron_rings import BoronRings, boron_rings
from al_loop.glass.structure.contacts import Approach, check_contacts, closest_approaches
from al_loop.glass.structure.coordination import Coordination, coordination
from al_loop.glass.structure.fsdp import Peak, first_sharp_peak
from al_loop.glass.structure.measure import (
    Structure,
    combine_structures,
    combine_values,
    measure_structure,
    zero_if_absent,
)
from al_loop.glass.structure.options import StructureOptions
from al_loop.glass.structure.pairs import PairDistributions, largest_radius, pair_distributions
from al_loop.glass.structure.qn import Qn, qn
from al_loop.glass.structure.rings import Rings, rings
from al_loop.glass.structure.scattering import (
    StructureFactors,
    Window,
    measured_correlation,
    structure_factors,
)
from al_loop.glass.structure.wave_vectors import WaveVectors, wave_vectors

__all__ = [
    "CUTOFFS",
    "FORMERS",
    "AngleDistribution",
    "Approach",
    "Bonds",
    "BoronRings",
    "Coordination",
    "PairDistributions",
    "Peak",
    "Qn",
    "Rings",
    "Structure",
    "StructureFactors",
    "StructureOptions",
    "WaveVectors",
    "Window",
    "bond_angles",
    "bond_cutoffs",
    "boron_rings",
    "check_contacts",
    "closest_approaches",
    "combine_structures",
    "combine_values",
    "coordination",
    "find_bonds",
    "first_sharp_peak",
    "largest_radius",
    "measure_structure",
    "measured_correlation",
    "pair_distributions",
    "qn",
    "rings",
    "structure_factors",
    "wave_vectors",
    "zero_if_absent",
]
