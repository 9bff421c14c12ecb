"""The potentials by name."""

from __future__ import annotations

from collections.abc import Mapping

from al_loop.pair_potentials.bks import bks
from al_loop.pair_potentials.du_teter import du_teter
from al_loop.pair_potentials.form import PairPotential
from al_loop.pair_potentials.pmmcs import pmmcs
from al_loop.pair_potentials.shik import shik, shik_cations

POTENTIALS: Mapping[str, PairPotential] = {
    p.name: p
    for p in (
        PairPotential(
            name="bks",
            source="van Beest, Kramer, van Santen, Phys. Rev. Lett. 64, 1955 (1990); 30-6 wall: "
            "Saika-Voivod et al.",
            charges={"Si": 2.4, "O": -1.2},
            cutoff=5.5,
            damping=0.2,
            coulomb_cutoff=10.0,
            smoothing=0.05,
            pair=bks,
        ),
        PairPotential(
            name="pmmcs",
            source="Pedone, Malavasi, Menziani, Cormack, Segre, J. Phys. Chem. B 110, 11780 (2006)",
            charges={
                "Si": 2.4,
                "Na": 0.6,
                "Li": 0.6,
                "K": 0.6,
                "Ca": 1.2,
                "Mg": 1.2,
                "Al": 1.8,
                "P": 3.0,
                "O": -1.2,
            },
            cutoff=5.5,
            damping=0.25,
            coulomb_cutoff=8.0,
            smoothing=0.0,
            pair=pmmcs,
        ),
        PairPotential(
            name="du-teter",
            source="Deng and Du, J. Am. Ceram. Soc. 102, 2482 (2019); npj Comput. Mater. 6, 25 "
            "(2020), table 1",
            charges={
                "Si": 2.4,
                "Na": 0.6,
                "Li": 0.6,
                "K": 0.6,
                "Ca": 1.2,
                "Al": 1.8,
                "B": 1.8,
                "O": -1.2,
            },
            cutoff=8.0,
            damping=0.25,
            coulomb_cutoff=8.0,
            smoothing=0.0,
            pair=du_teter,
        ),
        PairPotential(
            name="shik",
            source="Sundararaman, Huang, Ispas, Kob, J. Chem. Phys. 148, 194504 (2018); 150, "
            "154505 (2019); 152, 104501 (2020): Wolf's sum to 10 Å without damping",
            charges={"Li": 0.5727, "Na": 0.6018, "B": 1.6126, "Si": 1.7755, "O": -0.88775},
            cutoff=8.0,
            damping=0.0,
            coulomb_cutoff=10.0,
            smoothing=0.04,
            pair=shik,
            cations=shik_cations,
            balance="O",
        ),
    )
}
"""By the name that they have in a campaign file."""
