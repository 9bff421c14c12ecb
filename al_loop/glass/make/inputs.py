"""LAMMPS input of a piece of a segment as text. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ase import Atoms

from al_loop.glass.make.protocol import Protocol
from al_loop.glass.make.segment import Segment
from al_loop.lammps.data import DATA, data_file
from al_loop.lammps.force_field import ForceField, elements_of
from al_loop.resources import render_template

_BAR_PER_GPA = 1.0e4
_MOST_SEEDS = 900_000_000  # of LAMMPS' Marsaglia generator
_PASSES, _REST = 40, 50.0
"""A cell is changed and its atoms are put to rest in it by turns, at most so many times, until the
pressure is that near, bar."""
AT_PRESSURE = 2 * _REST / _BAR_PER_GPA
"""GPa: a relaxed cell is at its pressure within this."""


@dataclass(frozen=True)
class Piece:
    """A part of a segment that is run by one LAMMPS: steps ``first`` to ``last``."""

    segment: Segment
    number: int
    first: int
    last: int

    def file(self, suffix: str) -> str:
        """Name of one of its files."""
        return f"{self.segment.name}.{self.number:04d}.{suffix}"

    def share(self, ends: tuple[float, float]) -> tuple[float, float]:
        """Its own targets out of those of the segment."""
        total = max(1, self.segment.steps)
        change = ends[1] - ends[0]
        return ends[0] + change * self.first / total, ends[0] + change * self.last / total


def pieces_of(segment: Segment, *, longest: int) -> list[Piece]:
    """The pieces of a segment; where it can be, they end at frames."""
    if segment.still:
        return [Piece(segment, 0, 0, 0)]
    every = segment.every
    size = longest if every > longest else longest - longest % every
    marks = [*range(0, segment.steps, size), segment.steps]
    return [Piece(segment, n, first, last) for n, (first, last) in enumerate(pairwise(marks))]


def start_file(atoms: Atoms) -> str:
    """The start as LAMMPS data; charges are set by the force field's lines."""
    elements = elements_of(atoms)
    return data_file(atoms, elements, charges=dict.fromkeys(elements, 0.0))


def piece_script(
    piece: Piece,
    *,
    protocol: Protocol,
    field: ForceField,
    atoms: Atoms,
    seed: int,
    number: int,
    before: str | None,
    cold: bool,
    random: bool,
) -> str:
    """Input of a piece that goes on from restart file ``before``, or from the start.

    ``number`` of the segment in the run; ``cold``: it has no velocities yet; ``random``: it begins
    in a random box.
    """
    segment = piece.segment
    first = piece.number == 0
    grown = piece.share((1.0, segment.stretch))
    return render_template(
        "lammps/glass.in.j2",
        about=_about(piece),
        segment=segment,
        before=before,
        data_file=DATA,
        charges={s: f"{field.charges.get(s, 0.0):.10g}" for s in elements_of(atoms)},
        elements=elements_of(atoms),
        force_field=field.lines(),
        timestep=f"{protocol.timestep * 1e-3:.12g}",
        tdamp=f"{protocol.thermostat * 1e-3:.12g}",
        pdamp=f"{protocol.barostat * 1e-3:.12g}",
        thermo=max(1, round(1000 * protocol.thermo / protocol.timestep)),
        kelvin=[f"{value:.10g}" for value in piece.share(segment.temperature)],
        bar=[f"{_BAR_PER_GPA * value:.10g}" for value in piece.share(segment.pressure)],
        stretch=1.0 if segment.stretch == 1.0 else f"{grown[1] / grown[0]:.15g}",
        steps=piece.last - piece.first,
        first=first,
        push=first and random,
        velocities=first and (cold or random),
        passes=0 if segment.cell == "fixed" else _PASSES,
        rest=_REST,
        fix=f"bath{number}",
        seed=(seed - 1) % _MOST_SEEDS + 1,
        log=piece.file("log"),
        dump=piece.file("dump"),
        end=piece.file("end"),
        restart=piece.file("restart"),
    )


def _about(piece: Piece) -> str:
    segment = piece.segment
    if segment.still:
        return f"{segment.name}: atoms at rest, cell {segment.cell}"
    a, b = piece.share(segment.temperature)
    return (
        f"{segment.name}: steps {piece.first} to {piece.last} of {segment.steps}, "
        f"{segment.ensemble}, {a:g} to {b:g} K"
    )
