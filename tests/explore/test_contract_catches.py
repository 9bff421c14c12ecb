"""The contract suite is worth something: each deliberate fault fails one of its tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from ase import Atoms

from al_loop.explore import Committee, KeepRule, Limits, Walk, Walker
from al_loop.explore.ase_md import AseExplorer, AseOptions
from al_loop.explore.ase_md.state import _restore_dynamics
from al_loop.explore.legs import Leg
from al_loop.jobfolder import Clock

from . import test_ase_md
from .lj_trainer.lj_trainer import lennard_jones

Change = Callable[[Walk], Walk]


class Faulty(AseExplorer):
    """An explorer whose walks are spoilt by ``change`` on their way out."""

    def __init__(self, change: Change) -> None:
        super().__init__(AseOptions(tdamp=50.0, pdamp=300.0))
        self.change = change

    def explore(
        self, walkers: Sequence[tuple[Walker, Atoms]], committee: Committee, **others: Any
    ) -> Iterator[Walk]:
        for walk in super().explore(walkers, committee, **others):
            yield self.change(walk)


class Altered(AseExplorer):
    """An explorer that is asked for one thing and does another."""

    def __init__(self, alter: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(AseOptions(tdamp=50.0, pdamp=300.0))
        self.alter = alter

    def explore(self, *walkers_committee: Any, **others: Any) -> Iterator[Walk]:
        walkers, committee = walkers_committee
        given = {"walkers": list(walkers), "committee": committee, **others}
        changed = self.alter(given)
        yield from super().explore(changed.pop("walkers"), changed.pop("committee"), **changed)


def _sample_deviation(walk: Walk) -> Walk:
    """Divided by K - 1 and not by K."""
    factor = np.sqrt(3 / 2)
    return replace(walk, max_force_deviation=walk.max_force_deviation * factor)


def _turned_frames(walk: Walk) -> Walk:
    """Forces as the engine has them, cells and positions turned back."""
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return replace(walk, forces=[forces @ turn for forces in walk.forces])


def _shifted_kept(walk: Walk) -> Walk:
    return replace(
        walk,
        kept=walk.kept[:-1],
        frames=walk.frames[1:],
        forces=walk.forces[1:],
        deviations=walk.deviations[1:],
    )


def _other_atoms(walk: Walk) -> Walk:
    return replace(walk, deviations=[deviation[::-1] for deviation in walk.deviations])


def _last_is_first(walk: Walk) -> Walk:
    return replace(walk, last=walk.frames[0])


def _unwrapped(walk: Walk) -> Walk:
    for frame in walk.frames:
        frame.positions += frame.cell.array[0]
    return walk


def _frames_missing(walk: Walk) -> Walk:
    return replace(walk, frames=walk.frames[:-1])


def _never_stops(walk: Walk) -> Walk:
    return replace(walk, stop="completed", detail="", cut=0)


def _without_the_start(walk: Walk) -> Walk:
    return replace(
        walk, step=walk.step[1:], frames=walk.frames[1:], forces=walk.forces[1:],
        kept=walk.kept[1:] - 1, max_force_deviation=walk.max_force_deviation[1:],
        mean_force_deviation=walk.mean_force_deviation[1:],
        max_virial_deviation=walk.max_virial_deviation[1:],
        temperature=walk.temperature[1:], pressure=walk.pressure[1:],
    )  # fmt: skip


def _virial_of_the_cell(walk: Walk) -> Walk:
    return replace(walk, max_virial_deviation=walk.max_virial_deviation * 27)


def _with(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda given: {**given, name: change(given[name])}


def _each_walker(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(walkers: list[tuple[Walker, Atoms]]) -> list[tuple[Walker, Atoms]]:
        return [(walker.model_copy(update=changes), atoms) for walker, atoms in walkers]

    return _with("walkers", change)


def _each_leg(change: Callable[[Leg], Leg]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def legs(walkers: list[tuple[Walker, Atoms]]) -> list[tuple[Walker, Atoms]]:
        return [
            (walker.model_copy(update={"legs": tuple(map(change, walker.legs))}), atoms)
            for walker, atoms in walkers
        ]

    return _with("walkers", legs)


def _every_leg(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return _each_leg(lambda leg: leg.model_copy(update=changes))


def _no_ramp(leg: Leg) -> Leg:
    first, _ = leg.temperature
    return leg.model_copy(update={"temperature": (first, first)})


def _leader_last(committee: Committee) -> Committee:
    return replace(committee, models=committee.models[::-1])


def _no_limit(limits: Limits) -> Limits:
    return limits.model_copy(update={"deviation": 1e12})


def _no_floors(limits: Limits) -> Limits:
    return limits.model_copy(update={"min_distance": {}})


def _failed_too(keep: KeepRule) -> KeepRule:
    return keep.model_copy(update={"upper": 1e9})


def _no_earliest(keep: KeepRule) -> KeepRule:
    return keep.model_copy(update={"earliest": 0})


def _no_audit(keep: KeepRule) -> KeepRule:
    return keep.model_copy(update={"accurate": 0})


def _no_end(keep: KeepRule) -> KeepRule:
    return keep.model_copy(update={"candidates": None})


class _Hoarder(AseExplorer):
    """Leaves its raw output."""

    def explore(self, *args: Any, folder: Path, **others: Any) -> Iterator[Walk]:
        (folder / "everything.dump").write_bytes(bytes(100_000))
        yield from super().explore(*args, folder=folder, **others)


class _Idle(AseExplorer):
    """Does not say when it computes."""

    def explore(self, *args: Any, clock: Clock, **others: Any) -> Iterator[Walk]:
        yield from super().explore(*args, clock=Clock(), **others)


class _Greedy(AseExplorer):
    """Stops all walkers when one explodes."""

    def explore(self, *args: Any, **others: Any) -> Iterator[Walk]:
        for walk in super().explore(*args, **others):
            yield walk
            if walk.stop != "completed":
                return


class _Fragile(AseExplorer):
    """An explosion is an exception."""

    def explore(self, *args: Any, **others: Any) -> Iterator[Walk]:
        for walk in super().explore(*args, **others):
            if walk.stop != "completed":
                raise FloatingPointError(walk.detail)
            yield walk


class _Forgets(AseExplorer):
    """Loses a part of its state when it is stopped and continued."""

    def __init__(self, what: str, instead: Any) -> None:
        super().__init__(AseOptions(tdamp=50.0, pdamp=300.0))
        self.what, self.instead = what, instead

    def explore(self, *args: Any, **others: Any) -> Iterator[Walk]:
        with mock.patch(f"al_loop.explore.ase_md.{self.what}", self.instead):
            yield from super().explore(*args, **others)


def _other_numbers(dynamics: Any, arrays: Any) -> None:
    _restore_dynamics(dynamics, arrays)
    if "rng" in arrays:
        dynamics.rng = np.random.default_rng(1)


def _nothing(*_: Any) -> None:
    return None


OPTIONS = AseOptions(tdamp=50.0, pdamp=300.0)
DEVIATIONS = "test_deviations_are_those_of_the_members_on_the_kept_frames"
FORCES = "test_forces_are_the_leaders_in_the_frames_orientation"
CONSISTENT = "test_samples_and_kept_frames_are_consistent"
EXPLODES = "test_a_walker_that_explodes_is_a_result_and_disturbs_no_other"
CONTINUED = "test_a_walk_that_was_stopped_and_continued_is_the_undisturbed_one"
ARRIVE = "test_walks_arrive_one_by_one_and_nothing_large_stays"

FAULTS: list[tuple[str, Callable[[], AseExplorer], str]] = [
    ("divides by K - 1", lambda: Faulty(_sample_deviation), DEVIATIONS),
    ("virial of the cell", lambda: Faulty(_virial_of_the_cell), DEVIATIONS),
    ("deviations of other atoms", lambda: Faulty(_other_atoms), DEVIATIONS),
    ("goes on from the first", lambda: Faulty(_last_is_first), CONSISTENT),
    (
        "keeps nothing of a failed walk",
        lambda: Altered(_with("keep", _no_earliest)),
        "test_a_walk_that_is_all_failed_keeps_its_earliest_samples",
    ),
    (
        "keeps every candidate",
        lambda: Altered(_with("keep", _no_end)),
        "test_of_too_many_candidates_every_second_or_fourth_is_kept_and_none_is_forgotten",
    ),
    ("frames of other samples", lambda: Faulty(_shifted_kept), DEVIATIONS),
    ("forces in other axes", lambda: Faulty(_turned_frames), FORCES),
    ("another member leads", lambda: Altered(_with("committee", _leader_last)), FORCES),
    ("no first sample", lambda: Faulty(_without_the_start), "test_the_first_sample_is_the_start"),
    ("frames not wrapped", lambda: Faulty(_unwrapped), CONSISTENT),
    ("a frame is missing", lambda: Faulty(_frames_missing), CONSISTENT),
    ("keeps failed ones", lambda: Altered(_with("keep", _failed_too)), CONSISTENT),
    ("keeps no accurate ones", lambda: Altered(_with("keep", _no_audit)), CONSISTENT),
    ("samples too rarely", lambda: Altered(_each_walker(sample_every=10)), CONSISTENT),
    (
        "too hot",
        lambda: Altered(_every_leg(temperature=(150.0, 150.0))),
        "test_temperature_stays_near_its_target",
    ),
    (
        "no barostat",
        lambda: Altered(_every_leg(ensemble="nvt")),
        "test_only_npt_changes_the_volume",
    ),
    (
        "always a barostat",
        lambda: Altered(_every_leg(ensemble="npt")),
        "test_only_npt_changes_the_volume",
    ),
    (
        "no pressure",
        lambda: Altered(_every_leg(pressure=(0.0, 0.0))),
        "test_only_npt_changes_the_volume",
    ),
    (
        "no ramp of temperature",
        lambda: Altered(_each_leg(_no_ramp)),
        "test_the_temperature_follows_its_ramp",
    ),
    (
        "no strain",
        lambda: Altered(_every_leg(stretch=(1.0, 1.0, 1.0))),
        "test_the_cell_follows_its_strain_and_the_atoms_the_cell",
    ),
    (
        "no ramp of pressure",
        lambda: Altered(_every_leg(pressure=(0.0, 0.0))),
        "test_the_density_follows_the_pressure",
    ),
    ("explosions are complete", lambda: Faulty(_never_stops), EXPLODES),
    ("an explosion ends all", lambda: _Greedy(OPTIONS), EXPLODES),
    ("an explosion is raised", lambda: _Fragile(OPTIONS), EXPLODES),
    (
        "no deviation limit",
        lambda: Altered(_with("limits", _no_limit)),
        "test_a_trajectory_is_cut_where_the_deviation_passes_its_limit",
    ),
    (
        "no distance floors",
        lambda: Altered(_with("limits", _no_floors)),
        "test_close_atoms_end_a_trajectory",
    ),
    (
        "seed is ignored",
        lambda: Altered(_each_walker(seed=1)),
        "test_the_same_seed_gives_the_same_walk_and_another_one_does_not",
    ),
    ("does not listen", lambda: _Forgets("state.StateFile.keep", _nothing), CONTINUED),
    ("starts again", lambda: _Forgets("state.StateFile.load", _nothing), CONTINUED),
    ("loses samples", lambda: _Forgets("sampler.Sampler.restore", _nothing), CONTINUED),
    (
        "loses the thermostat",
        lambda: _Forgets("state._restore_dynamics", _other_numbers),
        CONTINUED,
    ),
    ("loses the barostat", lambda: _Forgets("state._NPT", ("_q", "_p", "_eps")), CONTINUED),
    ("raw output stays", lambda: _Hoarder(OPTIONS), ARRIVE),
    ("no compute spans", lambda: _Idle(OPTIONS), ARRIVE),
]


@pytest.mark.parametrize(("make", "test"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_faulty_explorer_fails_the_contract(
    make: Callable[[], AseExplorer],
    test: str,
    lj_committee: Committee,
    argon: Atoms,
    tmp_path: Path,
) -> None:
    suite = test_ase_md.TestAseExplorer()
    with pytest.raises((AssertionError, ValueError, FloatingPointError, StopIteration)):
        _call(suite, test, make(), lj_committee, argon, tmp_path / "faulty")


def _call(
    suite: test_ase_md.TestAseExplorer,
    test: str,
    explorer: AseExplorer,
    committee: Committee,
    solid: Atoms,
    tmp_path: Path,
) -> None:
    """Call a test of the contract as pytest would."""

    def predict(member: int, atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
        copy = atoms.copy()
        copy.calc = lennard_jones(committee.models[member])
        return copy.get_forces(), -copy.get_stress(voigt=False) * copy.get_volume()

    tmp_path.mkdir()
    values = {
        "explorer": explorer,
        "committee": committee,
        "predict": predict,
        "solid": solid,
        "tmp_path": tmp_path,
    }
    method = getattr(suite, test)
    method(**{name: values[name] for name in inspect.signature(method).parameters})


def test_the_sound_explorer_passes_each_of_these_tests(
    lj_committee: Committee, argon: Atoms, tmp_path: Path
) -> None:
    for number, test in enumerate(sorted({fault[2] for fault in FAULTS})):
        _call(
            test_ase_md.TestAseExplorer(),
            test,
            AseExplorer(OPTIONS),
            lj_committee,
            argon,
            tmp_path / str(number),
        )
