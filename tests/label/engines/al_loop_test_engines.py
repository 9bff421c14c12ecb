"""A labeller of another package: atoms tethered to the origin. What it does wrong, and when,
the first atom of a frame says."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from ase import Atoms

from al_loop.campaign import EngineOptions
from al_loop.errors import EngineCrashed, PhysicsFault
from al_loop.label import FingerprintValue, Label

FAULT, NAN, INFINITE, SHAPE, NO_VIRIAL, CRASH, WAIT = "Ge", "Sn", "Pb", "Ti", "Ar", "Kr", "Xe"


class TetherOptions(EngineOptions):
    k: float = 1.0
    gate: str = ""
    """While this file exists, a frame that begins with WAIT is never finished."""


class Tether:
    Options: ClassVar[type[EngineOptions]] = TetherOptions
    preload: ClassVar[tuple[str, ...]] = ()
    cores = 2

    def __init__(self, options: TetherOptions) -> None:
        self.options = options

    def check(self) -> str:
        return "tether 1.0"

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        return {"engine": "tether", "k": self.options.k}

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        assert not any(scratch.iterdir()), "scratch is not empty"
        (scratch / "output").write_text("an engine's own file")
        k = self.options.k
        energy = float(0.5 * k * np.sum(atoms.positions**2))
        forces = -k * atoms.positions
        virial: np.ndarray | None = -k * atoms.positions.T @ atoms.positions
        first = str(atoms.symbols[0])
        if first == FAULT:
            raise PhysicsFault("no-ge", "germanium is not for tethers", remedy="take silicon")
        if first == CRASH:
            raise EngineCrashed("out of memory", where=scratch)
        if first == WAIT and Path(self.options.gate).exists():
            signal.pause()
        if first == NAN:
            energy = float("nan")
        if first == INFINITE:
            forces[0, 0] = np.inf
        if first == SHAPE:
            forces = forces[:-1]
        if first == NO_VIRIAL:
            virial = None
        return Label(energy, forces, virial)
