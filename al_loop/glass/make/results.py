"""What a glass job gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ase import Atoms
from pydantic import BaseModel, ConfigDict

from al_loop.errors import JobFolderError
from al_loop.frame import read_frames
from al_loop.glass.estimate import Estimate
from al_loop.glass.make.outputs import UNITS, read_table
from al_loop.glass.make.segment import Segment
from al_loop.glass.make.stage import START, GlassParams
from al_loop.glass.reading import read_trajectory
from al_loop.glass.trajectory import Trajectory
from al_loop.jobfolder import JobFolder
from al_loop.units import Array

if TYPE_CHECKING:
    from al_loop.glass.make.potential import Classical, Network
    from al_loop.glass.make.protocol import Protocol

ENDS = "ends.traj"
"""The configuration at the end of each segment, in turn."""
SEGMENT_FILES = (".lammpstrj", ".thermo.csv")
"""Trajectory and thermo table of a segment of MD."""


@dataclass(frozen=True)
class Progress:
    """Where a run is: segment ``number`` (from 0) ``of`` so many, MD step of its steps."""

    segment: str
    number: int
    of: int
    step: int
    steps: int


class Mean(BaseModel):
    """An :class:`Estimate` as JSON; the unit follows from its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    error: float | None
    n: int


class SegmentAverages(BaseModel):
    """A segment and its averages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: Segment
    averages: dict[str, Mean]

    @classmethod
    def of(cls, segment: Segment, averages: dict[str, Estimate]) -> SegmentAverages:
        """From estimates."""
        means = {
            name: Mean(value=one.value, error=one.error, n=one.n) for name, one in averages.items()
        }
        return cls(segment=segment, averages=means)


class GlassPayload(BaseModel):
    """``payload`` of a glass job's result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[SegmentAverages, ...]
    stop: str
    detail: str
    program: str = ""
    """LAMMPS with its version; empty in results of earlier versions."""


@dataclass(frozen=True)
class SegmentResult:
    """A segment that has ended.

    ``averages`` over its second half: temperature (K), pressure (GPa), density (g/cm3), energy
    and total_energy (eV/atom), volume (Å3/atom), lx, ly, lz (Å), stress_x, stress_y, stress_z
    (GPa, positive in tension). ``end`` is its last configuration. ``trajectory`` and ``table`` are
    files; None of a relaxation.
    """

    segment: Segment
    averages: dict[str, Estimate]
    end: Atoms
    trajectory: Path | None
    table: Path | None
    timestep: float
    """fs."""

    @property
    def name(self) -> str:
        """Of the segment."""
        return self.segment.name

    def frames(self, *, start: int = 0, every: int = 1) -> Trajectory:
        """Its frames from number ``start`` on, with the time between them.

        Raises
        ------
        JobFolderError
            It is a relaxation, which has none.
        """
        if self.trajectory is None:
            raise JobFolderError(f"{self.name} is a relaxation: it has no trajectory")
        interval = self.segment.every * self.timestep * 1e-3
        return read_trajectory(self.trajectory, interval=interval, start=start, every=every)

    def thermo(self) -> dict[str, Array]:
        """Its thermo table by column, energies in eV and volume in Å3 of all atoms."""
        if self.table is None:
            raise JobFolderError(f"{self.name} is a relaxation: it has no table")
        return read_table(self.table)


@dataclass(frozen=True)
class GlassResult:
    """One sample; ``stop`` is ``completed``, or why LAMMPS gave up.

    ``detail`` says where it gave up; of a completed one, what a relaxation did not reach.
    """

    protocol: Protocol
    potential: Classical | Network
    sample: int
    segments: tuple[SegmentResult, ...]
    stop: str
    detail: str
    start: Atoms

    @property
    def final(self) -> Atoms:
        """The configuration at the end of the last segment; the start if there is none."""
        return self.segments[-1].end if self.segments else self.start

    def of_step(self, name: str) -> tuple[SegmentResult, ...]:
        """Segments of a step of the protocol."""
        return tuple(one for one in self.segments if one.segment.step == name)

    def __getitem__(self, name: str) -> SegmentResult:
        """A segment by its name.

        Raises
        ------
        KeyError
            There is none of this name.
        """
        for one in self.segments:
            if one.name == name:
                return one
        raise KeyError(f"no segment {name!r}; there are {', '.join(s.name for s in self.segments)}")


def collect_glass(folder: JobFolder) -> GlassResult:
    """What a finished job gave.

    Raises
    ------
    JobFolderError
        There is no valid result.
    """
    params = folder.params("glass", GlassParams)
    payload = folder.payload("glass", GlassPayload)
    ends = read_frames(folder.path / ENDS) if payload.segments else []
    if len(ends) != len(payload.segments):
        raise JobFolderError("configurations are missing from this result", where=folder.path)
    (start,) = read_frames(folder.path / START)
    return GlassResult(
        protocol=params.protocol,
        potential=params.potential,
        sample=params.sample,
        segments=tuple(
            _segment(folder.path, one, end, params.protocol.timestep)
            for one, end in zip(payload.segments, ends, strict=True)
        ),
        stop=payload.stop,
        detail=payload.detail,
        start=start,
    )


def _segment(folder: Path, one: SegmentAverages, end: Atoms, timestep: float) -> SegmentResult:
    trajectory, table = (folder / f"{one.segment.name}{suffix}" for suffix in SEGMENT_FILES)
    moved = not one.segment.still
    return SegmentResult(
        segment=one.segment,
        averages={
            name: Estimate(mean.value, mean.error, mean.n, UNITS[name])
            for name, mean in one.averages.items()
        },
        end=end,
        trajectory=trajectory if moved else None,
        table=table if moved else None,
        timestep=timestep,
    )
