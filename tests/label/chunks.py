"""Chunks of frames for the tests of the label job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ase import Atoms

from al_loop.campaign import EngineOptions
from al_loop.frame import frame_hash
from al_loop.jobfolder import Clock, JobFolder, JobResult
from al_loop.label import run_label_job, stage_label_job

from .structures import cristobalite, foreign_atom


class Tethered(EngineOptions):
    """Options of the engine in ``engines/``, which registers its own model."""

    k: float = 1.0
    gate: str = ""


def chunk(*symbols: str) -> dict[str, Atoms]:
    """One small frame per symbol, all different; the symbol says what the engine does."""
    frames = {}
    for i, symbol in enumerate(symbols):
        atoms = foreign_atom(symbol)
        atoms.positions[1, 0] += 0.01 * i
        frames[frame_hash(atoms)] = atoms
    return frames


def silica(count: int) -> dict[str, Atoms]:
    cells = [cristobalite(cubic=False, seed=seed) for seed in range(count)]
    return {frame_hash(atoms): atoms for atoms in cells}


def stage(path: Path, frames: Mapping[str, Atoms], *, gate: str = "") -> JobFolder:
    return stage_label_job(path, engine="tether", options=Tethered(gate=gate), frames=frames)


def run(folder: JobFolder) -> JobResult:
    with folder.lock():
        return run_label_job(folder, Clock())


def computed(folder: JobFolder) -> list[str]:
    log = folder.path / "computed.log"
    return log.read_text().split() if log.exists() else []
