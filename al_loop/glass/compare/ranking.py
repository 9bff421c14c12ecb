"""Glasses of several potentials or rates, ranked by their energies under one potential.

Whose glasses are deeper in energy tells whose landscape is nearer: final glasses are labelled
again by DFT (or any ASE calculator), and the energies are compared between the potentials that made
them (Urata, J. Phys. Chem. C 126, 21507 (2022)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import hypot
from typing import Any, Literal

import numpy as np
from ase.calculators.calculator import BaseCalculator, CalculationFailed
from scipy.special import stdtr
from scipy.stats import kendalltau

from al_loop.errors import DatasetError, PhysicsFault
from al_loop.glass.estimate import Estimate, combine
from al_loop.glass.oxides import title
from al_loop.glass.relax import relaxed
from al_loop.glass.trajectory import Trajectory

Rest = Literal["as they are", "atoms", "cell"]
"""What is moved to rest before the energy is taken: nothing, the atoms, or the cell as well."""

_SAME = 1.0e-6
_LEVEL = 0.05


@dataclass(frozen=True)
class Glass:
    """One frame: its energy, eV/atom, and the one that its file has (None without)."""

    source: str
    energy: float
    carried: float | None


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b between two orders of ``n`` glasses, and its two-sided ``p``."""

    tau: float
    p: float
    n: int


@dataclass(frozen=True)
class Group:
    """The glasses of one potential or rate.

    ``energy``: mean over them, eV/atom, with its standard error (None of a single one). ``failed``
    are sentences on those that have no energy.
    """

    name: str
    energy: Estimate
    glasses: tuple[Glass, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """From a group to the next higher one.

    ``difference`` (eV/atom, of the means, not below zero) with its standard error; ``freedom`` and
    the two-sided ``p`` of Welch's t test. None where a group has one glass, or none scatters.
    """

    lower: str
    higher: str
    difference: Estimate
    freedom: float | None
    p: float | None

    @property
    def sure(self) -> bool:
        """Whether the order of the two is significant (p < 0.05)."""
        return self.p is not None and self.p < _LEVEL


@dataclass(frozen=True)
class Ranking:
    """Groups, lowest first, and the ``steps`` between neighbours.

    ``agreement`` of the order of single glasses with that by the energies in their files, of
    those that have any; None where fewer than three have, or the energies are those of the files.
    """

    groups: tuple[Group, ...]
    steps: tuple[Step, ...]
    agreement: Agreement | None
    rest: Rest

    def plain(self) -> dict[str, Any]:
        """For JSON: numbers, text and mappings of them."""
        return asdict(self)


def rank(
    groups: Mapping[str, Sequence[Trajectory]],
    calculator: BaseCalculator | None = None,
    *,
    rest: Rest = "as they are",
    force: float = 1.0e-3,
    advance: Callable[[], None] = lambda: None,
) -> Ranking:
    """Rank groups of glasses by their mean energy per atom; each frame is a glass by itself.

    Parameters
    ----------
    calculator
        Tells the energies. None: those that the files have are ranked.
    rest, force
        What is moved until no force is above ``force``, eV/Å, as by
        :func:`~al_loop.glass.relax.relaxed`.
    advance
        Called after each glass.

    Raises
    ------
    DatasetError
        Fewer than two groups, glasses of different compositions, a group without energies.
    """
    if len(groups) < 2:
        raise DatasetError(
            f"{len(groups)} group of glasses; a ranking needs two or more",
            remedy="give the glasses of each potential or rate a name of their own",
        )
    if calculator is None and rest != "as they are":
        raise DatasetError("to move atoms to rest a calculator is needed")
    _check_compositions(groups)
    found = [_group(name, runs, calculator, rest, force, advance) for name, runs in groups.items()]
    found.sort(key=lambda one: one.energy.value)
    steps = tuple(_step(low, high) for low, high in pairwise(found))
    known = calculator is not None
    return Ranking(tuple(found), steps, _agreement(found) if known else None, rest)


def _check_compositions(groups: Mapping[str, Sequence[Trajectory]]) -> None:
    """Energies per atom of different compositions have nothing to do with one another."""
    first: dict[str, float] = {}
    for name, runs in groups.items():
        for run in runs:
            here = {one: n / len(run.frames[0]) for one, n in run.counts.items()}
            first = first or here
            if any(abs(here.get(k, 0) - first.get(k, 0)) > _SAME for k in {*here, *first}):
                raise DatasetError(
                    f"{name} has a glass of {title(here)}, others are of {title(first)}",
                    where=run.source,
                    remedy="rank each composition by itself",
                )


def _group(
    name: str,
    runs: Sequence[Trajectory],
    calculator: BaseCalculator | None,
    rest: Rest,
    force: float,
    advance: Callable[[], None],
) -> Group:
    glasses, failed = [], []
    for run in runs:
        for k in range(len(run)):
            source = run.source if len(run) == 1 else f"{run.source}: frame {k}"
            carried = _carried(run, k)
            try:
                energy = carried
                if calculator is not None:
                    energy = _energy(run, k, calculator, rest, force)
                if energy is None or not np.isfinite(energy):
                    raise DatasetError("it has no energy", remedy="name a calculator")
                glasses.append(Glass(source, energy, carried))
            except (PhysicsFault, CalculationFailed, DatasetError) as error:
                failed.append(f"{source}: {getattr(error, 'what', error)}")
            advance()
    if not glasses:
        why = failed[0] if failed else "there are no files"
        raise DatasetError(
            f"{name}: none of its {len(failed)} glasses has an energy; {why}",
            remedy="name a calculator that knows their elements, or give files with energies",
        )
    mean = combine([Estimate(one.energy, None, 1, "eV/atom") for one in glasses])
    return Group(name, mean, tuple(glasses), tuple(failed))


def _energy(run: Trajectory, k: int, calculator: BaseCalculator, rest: Rest, force: float) -> float:
    atoms = run.frames[k].copy()
    atoms.calc = calculator
    if rest != "as they are":
        cell: Literal["free", "fixed"] = "free" if rest == "cell" else "fixed"
        atoms = relaxed(run.frames[k], calculator, cell=cell, force=force)
    return float(atoms.get_potential_energy()) / len(atoms)


def _carried(run: Trajectory, k: int) -> float | None:
    return None if run.energies is None else float(run.energies[k]) / len(run.frames[k])


def _step(low: Group, high: Group) -> Step:
    """Welch's t test: groups may scatter differently (Welch, Biometrika 34, 28 (1947))."""
    a, b = low.energy, high.energy
    freedom = p = error = None
    if a.error is not None and b.error is not None:
        error = hypot(a.error, b.error)
        if error > 0.0:
            freedom = error**4 / (a.error**4 / (a.n - 1) + b.error**4 / (b.n - 1))
            p = 2.0 * float(stdtr(freedom, -(b.value - a.value) / error))
    difference = Estimate(b.value - a.value, error, min(a.n, b.n), "eV/atom")
    return Step(low.name, high.name, difference, freedom, p)


def _agreement(groups: Sequence[Group]) -> Agreement | None:
    pairs = [
        (one.energy, one.carried)
        for group in groups
        for one in group.glasses
        if one.carried is not None
    ]
    if len(pairs) < 3:
        return None
    found = kendalltau(*zip(*pairs, strict=True))
    if not np.isfinite(found.statistic):  # all energies of one kind are the same
        return None
    return Agreement(float(found.statistic), float(found.pvalue), len(pairs))
