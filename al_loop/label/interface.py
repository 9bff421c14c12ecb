"""The labeller: what an electronic-structure engine must do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ase import Atoms

from al_loop.campaign.engines import Engine
from al_loop.units import Array

FingerprintValue = str | int | float | bool

KEPT = "kept"
"""What an engine puts into this folder of its scratch stays, in ``raw/<hash>/`` of the job."""


@dataclass(frozen=True)
class Label:
    """Energy (eV), forces (atoms, 3) in eV/Å, virial (3, 3) in eV, None where there is none.

    ``note`` is kept with the label: other energies, for example. ``corrections``, in words, are
    what had to be changed on the way to it.
    """

    energy: float
    forces: Array
    virial: Array | None
    note: str = ""
    corrections: tuple[str, ...] = ()


class Labeller(Engine, Protocol):
    """An electronic-structure method that labels one frame at a time."""

    @property
    def cores(self) -> int:
        """Cores that one call of ``label`` keeps busy; a label costs seconds x cores."""
        ...

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """Everything that changes a label's numbers, and nothing that does not.

        Engine, major behaviour of its version, functional, cutoff, k-points, potentials,
        dispersion, convergence; never queue, cores or paths.
        """
        ...

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame; ``scratch`` is an empty folder for the engine's files.

        Raises
        ------
        PhysicsFault
            The method has no answer for this frame (SCF does not converge, ...).
        EngineCrashed
            The program failed for a reason that is not the frame's.
        """
        ...
