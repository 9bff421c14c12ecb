"""The pair labeller."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from ase import Atoms

from al_loop.campaign.engines import EngineOptions
from al_loop.coulomb import DampedShiftedCoulomb
from al_loop.label.faults import check_frame
from al_loop.label.interface import FingerprintValue, Label
from al_loop.label.pair.options import PairOptions
from al_loop.pair_potentials import POTENTIALS
from al_loop.pair_sums import pair_sums


class PairLabeller:
    """A classical potential in the place of an electronic-structure method.

    For rehearsals of a campaign, and where a label must cost nothing and be the same to the
    last bit each time. A potential that is trained on it can be no better than it is.
    """

    Options: ClassVar[type[EngineOptions]] = PairOptions
    preload: ClassVar[tuple[str, ...]] = ("matscipy.neighbours", "scipy.special")

    def __init__(self, options: PairOptions) -> None:
        self.options = options
        self._potential = POTENTIALS[options.potential]
        self._coulomb = DampedShiftedCoulomb(
            alpha=_or(options.alpha, self._potential.damping),
            cutoff=_or(options.coulomb_cutoff, self._potential.coulomb_cutoff),
        )

    @property
    def cores(self) -> int:
        """Always 1."""
        return 1

    def check(self) -> str:
        """Potential and al_loop's version; it is always there."""
        return f"al-loop {version('al-loop')} {self.options.potential}"

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """Potential, its revision in al_loop, and the electrostatics."""
        return {
            "engine": "pair",
            "revision": 1,
            "potential": self.options.potential,
            "electrostatics": "dsf",
            "coulomb_cutoff": self._coulomb.cutoff,
            "alpha": self._coulomb.alpha,
        }

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame; PhysicsFault for a foreign element or atoms at the same place."""
        check_frame(atoms)
        energy, forces, virial = pair_sums(atoms, self._potential, self._coulomb)
        return Label(energy=energy, forces=forces, virial=virial)


def _or(given: float | None, default: float) -> float:
    return default if given is None else given
