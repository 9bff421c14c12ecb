"""Where configurations come from: crystals, boxes, melt-quenches, files, disturbed copies."""

from al_loop.crystals import crystal, known_crystals
from al_loop.packing import pack
from al_loop.structures.build import Start, build_structures
from al_loop.structures.perturb import perturb
from al_loop.structures.quenched import quench_box, usable

__all__ = [
    "Start",
    "build_structures",
    "crystal",
    "known_crystals",
    "pack",
    "perturb",
    "quench_box",
    "usable",
]
