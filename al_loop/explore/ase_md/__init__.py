"""Explorer: molecular dynamics with ASE, under any potential that has an ASE calculator."""

from al_loop.explore.ase_md.explorer import AseExplorer
from al_loop.explore.ase_md.options import AseOptions

__all__ = ["AseExplorer", "AseOptions"]
