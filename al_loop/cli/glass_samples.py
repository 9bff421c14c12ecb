"""Crystals that a person names on the command line where files are expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from al_loop.crystals import crystal, known_crystals

if TYPE_CHECKING:
    from al_loop.glass import Trajectory


def crystal_named(path: Path) -> Trajectory | None:
    """The cell of a known crystal as published; None of a file, or of an unknown name."""
    from al_loop.glass import Trajectory

    name = str(path)
    if path.exists() or name not in known_crystals():
        return None
    return Trajectory((crystal(name),), source=name)


def phase_of(named: Sequence[Path], phase: str | None) -> str:
    """What is given; else the crystal that is named, else ``glass``."""
    if phase is not None:
        return phase
    names = {str(one) for one in named if crystal_named(one)}
    return names.pop() if len(names) == len(set(named)) == 1 else "glass"
