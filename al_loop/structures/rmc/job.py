"""The job of one sample: a box is packed and moved towards its target, cycle by cycle.

Each cycle begins from the file that the one before has written, with random numbers of its own, so
a job that was stopped gives the same frames as one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.formula import Formula
from pydantic import BaseModel, ConfigDict, TypeAdapter

from al_loop import stopping
from al_loop.campaign.rmc import Rmc
from al_loop.errors import JobFolderError
from al_loop.frame import read_frames, write_frames
from al_loop.hashing import derive_seed
from al_loop.jobfolder import Clock, JobFolder, JobResult
from al_loop.pair_potentials import POTENTIALS
from al_loop.pair_sums import pair_calculator
from al_loop.structures.quenched import quench_box
from al_loop.structures.rmc.energy import tabulated
from al_loop.structures.rmc.fear import Cycle, refine
from al_loop.structures.rmc.target import Target, on_bins, pairs_of
from al_loop.structures.rmc.walk import Bias, ReverseMonteCarlo

FRAMES, _LATEST = "frames.traj", "latest.traj"


class RmcParams(BaseModel):
    """``params`` of an RMC job's ``job.json``; ``lengths`` are scattering lengths in fm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wish: Rmc
    seed: int
    lengths: dict[str, float]
    source: str = ""
    """What the caller knows it by."""


class CycleRecord(BaseModel):
    """What a cycle did: moves, chi² as they left it and at its end, R_chi, energy in eV."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tried: int
    accepted: int
    chi2_moved: float
    chi2: float
    r_chi: float
    energy: float | None


_Cycles = TypeAdapter(list[CycleRecord])


class RmcPayload(BaseModel):
    """``payload`` of an RMC job's result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cycles: tuple[CycleRecord, ...]


@dataclass(frozen=True)
class RmcResult:
    """Frames that were kept, and all cycles."""

    frames: tuple[Atoms, ...]
    cycles: tuple[CycleRecord, ...]


def stage_rmc_job(
    path: Path, *, wish: Rmc, seed: int, lengths: Mapping[str, float], source: str = ""
) -> JobFolder:
    """Put up an RMC job, or find it there; ``source``: what you call it.

    Raises
    ------
    JobFolderError
        The folder holds another job.
    """
    path.mkdir(parents=True, exist_ok=True)
    params = RmcParams(wish=wish, seed=seed, lengths=dict(lengths), source=source)
    return JobFolder.create(
        path, kind="rmc", engine="rmc", options={}, params=params.model_dump(mode="json"), inputs=()
    )


def run_rmc_job(folder: JobFolder, clock: Clock) -> JobResult:
    """Run the cycles that have not ended yet and seal the result; return it if it is there.

    Raises
    ------
    JobStopped
        It was asked to stop; a later run goes on from the last cycle that has ended.
    StructureError
        The box cannot be packed, or no part of the target is within it.
    """
    if done := folder.result():
        return done
    params = folder.params("rmc", RmcParams)
    latest = folder.path / _LATEST
    cycles, frames = _saved(latest)
    while len(cycles) < params.wish.cycles:
        stopping.stop_if_requested(folder.path)
        with clock.span():
            start = frames[-1] if frames else _box(params)
            walk = _walk(params, start, cycle=len(cycles))
            cycle = _one(params, walk)
        record = CycleRecord(
            tried=cycle.moves.tried,
            accepted=cycle.moves.accepted,
            chi2_moved=cycle.chi2_moved,
            chi2=cycle.chi2,
            r_chi=walk.r_chi,
            energy=cycle.energy,
        )
        kept = frames if len(cycles) in params.wish.kept else frames[:-1]
        cycles.append(record)
        frames = [*map(_bare, kept), cycle.atoms]
        frames[-1].info["cycles"] = _Cycles.dump_json(cycles).decode()
        write_frames(latest, frames)
    write_frames(folder.path / FRAMES, [_bare(frame) for frame in frames])
    payload = RmcPayload(cycles=tuple(cycles))
    result = folder.finish(payload.model_dump(mode="json"), files=[FRAMES], clock=clock)
    latest.unlink(missing_ok=True)
    return result


def collect_rmc(folder: JobFolder, *, source: str = "") -> RmcResult:
    """What a finished job gave.

    Raises
    ------
    JobFolderError
        There is no valid result, or it is another ``source``'s.
    """
    if folder.params("rmc", RmcParams).source != source:
        raise JobFolderError("this is another box", where=folder.path)
    cycles = folder.payload("rmc", RmcPayload).cycles
    return RmcResult(tuple(read_frames(folder.path / FRAMES)), cycles)


def _saved(latest: Path) -> tuple[list[CycleRecord], list[Atoms]]:
    """Cycles that ended before the job was stopped; frames that are kept, and where it goes on."""
    if not latest.exists():
        return [], []
    frames = read_frames(latest)
    return _Cycles.validate_json(frames[-1].info["cycles"]), frames


def _bare(atoms: Atoms) -> Atoms:
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def _box(params: RmcParams) -> Atoms:
    return quench_box(params.wish, seed=params.seed, key="rmc")


def _walk(params: RmcParams, start: Atoms, *, cycle: int) -> ReverseMonteCarlo:
    wish = params.wish
    r = np.array(wish.target.r)
    targets = [Target(of, r, np.array(g), wish.sigma) for of, g in wish.target.g.items()]
    grid = on_bins(targets, start, width=wish.bin, r_max=wish.r_max, lengths=params.lengths)
    bias = None
    if wish.hybrid is not None:
        counts = Formula(wish.formula).count()
        table = tabulated(POTENTIALS[wish.hybrid.potential], pairs_of(list(counts)), counts)
        bias = Bias(table, wish.hybrid.temperature)
    return ReverseMonteCarlo(
        start,
        grid,
        least=wish.distances,
        step=wish.step,
        seed=derive_seed(params.seed, "rmc", cycle),
        bias=bias,
    )


def _one(params: RmcParams, walk: ReverseMonteCarlo) -> Cycle:
    down = params.wish.minimise
    return next(
        refine(
            walk,
            moves=params.wish.moves,
            calculator=pair_calculator(down.potential) if down else None,
            steps=down.steps if down else 1,
            force=down.force if down else 0.1,
        )
    )
