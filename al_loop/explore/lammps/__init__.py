"""Explorer: LAMMPS with all members of a DeePMD-kit committee in one ``pair_style deepmd``."""

from al_loop.explore.lammps.explorer import LammpsExplorer
from al_loop.explore.lammps.inputs import nvt_example
from al_loop.explore.lammps.options import LammpsOptions

__all__ = ["LammpsExplorer", "LammpsOptions", "nvt_example"]
