"""Where configurations come from: crystals, random boxes, files, and disturbed copies."""

from al_loop.structures.build import Start, build_structures
from al_loop.structures.crystals import CRYSTALS, crystal
from al_loop.structures.packing import pack
from al_loop.structures.perturb import perturb

__all__ = ["CRYSTALS", "Start", "build_structures", "crystal", "pack", "perturb"]
