"""Samples of a running trajectory: deviations, and the configurations that may be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, PropertyNotImplementedError
from numpy.typing import NDArray

from al_loop.distances import closest_contact
from al_loop.explore.deviation import atomic_deviations, virial_deviation
from al_loop.explore.interface import KeepRule, Limits, Walk, Walker
from al_loop.explore.reduce import Reduction, Samples, kept_samples, reduced_walk
from al_loop.units import Array, virial_from_stress

_ROOM = 256
"""Configurations that are held before the first look at which are needed."""


@dataclass(frozen=True)
class _Sample:
    step: int
    max_force: float
    mean_force: float
    max_virial: float
    temperature: float
    pressure: float
    finite: bool
    apart: bool


class Sampler:
    """Evaluates all members on the configuration of a trajectory when asked.

    ``members[0]`` is the leader, whose calculator, alone or with dispersion, moves ``atoms``.
    ``seed`` is the walker's. Configurations that no walk would keep that goes on from here are
    dropped now and then, so a long walk needs no more memory than a short one.
    """

    def __init__(
        self,
        atoms: Atoms,
        members: Sequence[Calculator],
        *,
        limits: Limits,
        keep: KeepRule,
        seed: int,
    ) -> None:
        self._atoms = atoms
        self._members = members
        self._limits = limits
        self._keep = keep
        self._seed = seed
        self._min_distance = limits.min_distance
        self._rows: list[_Sample] = []
        self._failed = 0
        self._room = _ROOM
        self._frames: dict[int, Atoms] = {}
        self._forces: dict[int, Array] = {}
        self._deviations: dict[int, Array] = {}

    def take(self, step: int) -> bool:
        """Take a sample; False when it is beyond what makes sense to continue from."""
        self._drop()
        atoms = self._atoms
        forces = np.array([self._of(member).get_forces() for member in self._members])
        deviations = atomic_deviations(forces)
        worst, mean = float(deviations.max()), float(deviations.mean())
        finite = bool(np.isfinite(atoms.positions).all() and np.isfinite(forces).all())
        apart = not finite or closest_contact(atoms, self._min_distance) is None
        pressure, virial = self._stress()
        index = len(self._rows)
        self._rows.append(
            _Sample(
                step=step,
                max_force=worst,
                mean_force=mean,
                max_virial=virial,
                temperature=float(atoms.get_temperature()),
                pressure=pressure,
                finite=finite,
                apart=apart,
            )
        )
        self._failed += worst >= self._keep.upper
        beyond = worst > self._limits.deviation
        if worst < self._keep.upper or self._failed <= self._keep.earliest or beyond:
            frame = Atoms(
                numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True
            )
            frame.wrap()
            self._frames[index] = frame
            self._forces[index] = forces[0]
            self._deviations[index] = deviations
        return finite and apart and worst <= self._limits.deviation

    def samples(self) -> Samples:
        """All samples that were taken."""
        rows = self._rows

        def column(name: str) -> Array:
            return np.array([getattr(row, name) for row in rows], dtype=np.float64)

        def flags(name: str) -> NDArray[np.bool_]:
            return np.array([getattr(row, name) for row in rows], dtype=np.bool_)

        return Samples(
            step=np.array([row.step for row in rows], dtype=np.int64),
            max_force_deviation=column("max_force"),
            mean_force_deviation=column("mean_force"),
            max_virial_deviation=column("max_virial"),
            temperature=column("temperature"),
            pressure=column("pressure"),
            finite=flags("finite"),
            whole=np.ones(len(rows), dtype=np.bool_),
            apart=flags("apart"),
        )

    def walk(self, walker: Walker, reduction: Reduction) -> Walk:
        """What was sampled, reduced."""
        kept, last, beyond = reduction.kept, reduction.last, reduction.beyond
        return reduced_walk(
            walker,
            self.samples(),
            reduction,
            frames=[self._frames[i] for i in kept],
            forces=[self._forces[i] for i in kept],
            deviations=[self._deviations[i] for i in kept],
            last=None if last is None else self._frames[last],
            beyond=None if beyond is None else self._frames[beyond],
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """All that was sampled so far, as arrays."""
        frames = [self._frames[i] for i in self._frames]
        shape = (len(frames), len(self._atoms), 3)
        return {
            "rows": np.array([astuple(row) for row in self._rows], dtype=np.float64),
            "index": np.array(list(self._frames), dtype=np.int64),
            "positions": np.array([frame.positions for frame in frames]).reshape(shape),
            "cells": np.array([frame.cell.array for frame in frames]).reshape(-1, 3, 3),
            "forces": np.array([self._forces[i] for i in self._frames]).reshape(shape),
            "deviations": np.array([self._deviations[i] for i in self._frames]).reshape(shape[:2]),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from :meth:`state`."""
        self._rows = [
            _Sample(
                step=int(row[0]),
                max_force=float(row[1]),
                mean_force=float(row[2]),
                max_virial=float(row[3]),
                temperature=float(row[4]),
                pressure=float(row[5]),
                finite=bool(row[6]),
                apart=bool(row[7]),
            )
            for row in state["rows"]
        ]
        self._failed = sum(row.max_force >= self._keep.upper for row in self._rows)
        self._frames, self._forces, self._deviations = {}, {}, {}
        columns = ("index", "positions", "cells", "forces", "deviations")
        for index, positions, cell, forces, deviations in zip(
            *(state[column] for column in columns), strict=True
        ):
            self._frames[int(index)] = Atoms(
                numbers=self._atoms.numbers, positions=positions, cell=cell, pbc=True
            )
            self._forces[int(index)] = forces
            self._deviations[int(index)] = deviations

    def _drop(self) -> None:
        """Drop what is not needed of the samples so far, all of them physical, once it is much."""
        if len(self._frames) < self._room:
            return
        deviation = np.array([row.max_force for row in self._rows])
        needed = set(kept_samples(deviation, keep=self._keep, seed=self._seed).tolist())
        needed.update(np.flatnonzero(deviation < self._keep.upper)[-1:].tolist())
        for index in self._frames.keys() - needed:
            del self._frames[index], self._forces[index], self._deviations[index]
        self._room = max(_ROOM, 2 * len(self._frames))

    def _of(self, member: Calculator) -> Atoms:
        """The configuration under a member, without disturbing the trajectory's."""
        if member is self._atoms.calc:
            return self._atoms
        atoms: Atoms = self._atoms.copy()
        atoms.calc = member
        return atoms

    def _stress(self) -> tuple[float, float]:
        """Pressure (GPa, kinetic part included) and virial deviation (eV per atom)."""
        volume = self._atoms.get_volume()
        try:
            stress = self._atoms.get_stress(voigt=False, include_ideal_gas=True)
            virials = [
                virial_from_stress(self._of(member).get_stress(voigt=False), volume)
                for member in self._members
            ]
        except PropertyNotImplementedError:
            return float("nan"), float("nan")
        pressure = -float(np.trace(stress)) / 3 / units.GPa
        return pressure, virial_deviation(np.array(virials), len(self._atoms))
