"""Published pair potentials of oxides: what melts and quenches a box before there is an NNP.

All have fixed charges under the damped shifted Coulomb sum (Fennell and Gezelter, J. Chem. Phys.
124, 234104 (2006)) and a short-range part between each element and oxygen; one has short-range
parts between cations, too.
"""

from al_loop.pair_potentials.bks import BKS
from al_loop.pair_potentials.du_teter import boron_strength, splice
from al_loop.pair_potentials.form import PairPotential, Short
from al_loop.pair_potentials.published import POTENTIALS

__all__ = ["BKS", "POTENTIALS", "PairPotential", "Short", "boron_strength", "splice"]
