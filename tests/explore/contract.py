"""What every explorer must do. A subclass says how its committee is made and evaluated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from ase import Atoms, units

from al_loop import stopping
from al_loop.errors import JobStopped
from al_loop.explore import Committee, Explorer, KeepRule, Leg, Limits, Walk, Walker
from al_loop.jobfolder import Clock

Predict = Callable[[int, Atoms], tuple[np.ndarray, np.ndarray]]
"""Forces (atoms, 3) in eV/Å and virial (3, 3) in eV of one member, not by the explorer."""

_COLUMNS = (
    "max_force_deviation",
    "mean_force_deviation",
    "max_virial_deviation",
    "temperature",
    "pressure",
)

EVERYTHING = Limits(deviation=1.0e9, temperature_factor=1.0e9)


class ExplorerContract:
    """Inherit, and give the fixtures ``explorer``, ``committee``, ``predict`` and ``solid``.

    ``solid`` is a configuration in which the committee's dynamics stay bound at
    ``temperature`` (K); its cell is not in the restricted orientation of LAMMPS.
    """

    temperature: float = 300.0
    steps: int = 200
    sample_every: int = 10
    deviation_rtol: float = 1.0e-9
    virial_rtol: float = 1.0e-6
    force_atol: float = 1.0e-9
    looks: int = 25
    """A stop is asked for when the explorer has looked so often; see ``asked``."""
    continued: float = 0.0
    """Tolerance of all numbers of a walk that was stopped and continued; 0: to the last bit."""
    mean_temperature_band: tuple[float, float] = (0.6, 1.4)
    pressure: float = 10.0
    """GPa; one that makes ``solid`` denser by more than 1 %."""

    # What a subclass provides

    @pytest.fixture
    def explorer(self) -> Explorer:
        raise NotImplementedError

    @pytest.fixture
    def committee(self) -> Committee:
        raise NotImplementedError

    @pytest.fixture
    def predict(self, committee: Committee) -> Predict:
        raise NotImplementedError

    @pytest.fixture
    def solid(self) -> Atoms:
        raise NotImplementedError

    # Tools

    def walker(self, name: str = "solid", **changes: Any) -> Walker:
        values: dict[str, Any] = {
            "name": name,
            "ensemble": "nvt",
            "temperature": self.temperature,
            "steps": self.steps,
            "sample_every": self.sample_every,
            "seed": 11,
        }
        values |= changes
        if "legs" in values:
            del values["ensemble"], values["temperature"], values["steps"]
            return Walker(**values)
        return Walker.at(values.pop("name"), **values)

    def all_kept(self) -> KeepRule:
        return KeepRule(lower=0.0, upper=1.0e9, accurate=0)

    def added_virial(self, frame: Atoms) -> np.ndarray:
        """What moves the atoms besides the leader: its virial (3, 3), eV."""
        return np.zeros((3, 3))

    def overlapping(self, solid: Atoms) -> Atoms:
        """Two atoms at one place to 0.01 Å, which few potentials can take."""
        atoms = solid.copy()
        atoms.positions[1] = atoms.positions[0] + 0.01
        return atoms

    def run(
        self,
        explorer: Explorer,
        committee: Committee,
        folder: Path,
        *walkers: tuple[Walker, Atoms],
        limits: Limits = EVERYTHING,
        keep: KeepRule | None = None,
        clock: Clock | None = None,
    ) -> list[Walk]:
        folder.mkdir(parents=True, exist_ok=True)
        return list(
            explorer.explore(
                walkers,
                committee,
                limits=limits,
                keep=keep or self.all_kept(),
                folder=folder,
                clock=clock or Clock(),
            )
        )

    # The contract

    def test_deviations_are_those_of_the_members_on_the_kept_frames(
        self,
        explorer: Explorer,
        committee: Committee,
        predict: Predict,
        solid: Atoms,
        tmp_path: Path,
    ) -> None:
        for ensemble in ("nvt", "npt"):
            walker = self.walker(ensemble=ensemble)
            (walk,) = self.run(explorer, committee, tmp_path / ensemble, (walker, solid))
            assert len(walk.kept) == self.steps // self.sample_every + 1
            self.check_deviations(walk, committee, predict)

    def check_deviations(self, walk: Walk, committee: Committee, predict: Predict) -> None:
        assert len(walk.deviations) == len(walk.kept)
        for index, frame, of_atoms in zip(walk.kept, walk.frames, walk.deviations, strict=True):
            members = [predict(k, frame) for k in range(len(committee.models))]
            forces = np.array([forces for forces, _ in members])
            virials = np.array([virial for _, virial in members])
            variance = ((forces - forces.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
            eps = np.sqrt(variance)
            measured = (walk.max_force_deviation[index], walk.mean_force_deviation[index])
            assert measured == pytest.approx((eps.max(), eps.mean()), rel=self.deviation_rtol)
            assert of_atoms == pytest.approx(eps, rel=self.deviation_rtol, abs=1e-7)
            if np.isfinite(walk.max_virial_deviation[index]):
                spread = np.abs(virials - virials.mean(axis=0)) ** 2
                worst = np.sqrt(spread.mean(axis=0)) / len(frame)
                assert walk.max_virial_deviation[index] == pytest.approx(
                    self.in_their_axes(worst, virials, frame), rel=self.virial_rtol
                )

    def in_their_axes(self, worst: np.ndarray, virials: np.ndarray, frame: Atoms) -> float:
        """Largest component; a subclass whose engine turns the axes turns them here."""
        return float(worst.max())

    def test_forces_are_the_leaders_in_the_frames_orientation(
        self,
        explorer: Explorer,
        committee: Committee,
        predict: Predict,
        solid: Atoms,
        tmp_path: Path,
    ) -> None:
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(), solid))
        assert len(walk.frames) == len(walk.forces) > 0
        for frame, forces in zip(walk.frames, walk.forces, strict=True):
            leader, _ = predict(0, frame)
            np.testing.assert_allclose(forces, leader, atol=self.force_atol, rtol=1e-6)

    def test_the_first_sample_is_the_start(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(steps=20), solid))
        assert walk.step[0] == 0
        first, start = walk.frames[0], solid.copy()
        start.wrap()
        np.testing.assert_array_equal(first.numbers, solid.numbers)
        np.testing.assert_allclose(first.cell.array, solid.cell.array, atol=1e-8)
        offset = first.get_scaled_positions() - start.get_scaled_positions()
        np.testing.assert_allclose(offset - np.rint(offset), 0.0, atol=1e-8)

    def test_samples_and_kept_frames_are_consistent(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        (whole,) = self.run(explorer, committee, tmp_path / "all", (self.walker(), solid))
        eps = whole.max_force_deviation
        lower, upper = np.quantile(eps, [0.4, 0.8])
        keep = KeepRule(lower=float(lower), upper=float(upper), accurate=2)
        (walk,) = self.run(explorer, committee, tmp_path / "k", (self.walker(), solid), keep=keep)
        assert walk.stop == "completed"
        assert walk.cut == 0
        np.testing.assert_array_equal(walk.step, np.arange(0, self.steps + 1, self.sample_every))
        kept = eps[walk.kept]
        candidates = np.flatnonzero((eps >= lower) & (eps < upper))
        assert set(candidates) <= set(walk.kept)
        assert (kept < lower).sum() == 2
        assert (kept < upper).all()
        assert len(walk.frames) == len(walk.forces) == len(walk.kept)
        assert (np.diff(walk.kept) > 0).all()
        for index, frame in zip(walk.kept, walk.frames, strict=True):
            np.testing.assert_allclose(frame.positions, whole.frames[index].positions, atol=1e-9)
            fractions = frame.get_scaled_positions(wrap=False)
            assert (fractions > -1e-6).all()
            assert (fractions < 1 + 1e-6).all()
            assert frame.pbc.all()
        good = int(np.flatnonzero(eps < upper)[-1])
        assert walk.last is not None
        np.testing.assert_array_equal(walk.last.numbers, whole.frames[good].numbers)
        np.testing.assert_allclose(walk.last.positions, whole.frames[good].positions, atol=1e-9)
        np.testing.assert_allclose(walk.last.cell, whole.frames[good].cell, atol=1e-9)

    def test_of_too_many_candidates_every_second_or_fourth_is_kept_and_none_is_forgotten(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        (whole,) = self.run(explorer, committee, tmp_path / "all", (self.walker(), solid))
        keep = self.all_kept().model_copy(update={"candidates": 3})
        (walk,) = self.run(explorer, committee, tmp_path / "k", (self.walker(), solid), keep=keep)
        samples = len(whole.step)
        stride = next(2**n for n in range(20) if -(-samples // 2**n) <= 3)
        assert walk.kept.tolist() == list(range(0, samples, stride))
        np.testing.assert_allclose(
            walk.max_force_deviation, whole.max_force_deviation, rtol=1e-6, atol=1e-9
        )
        assert len(walk.frames) == len(walk.forces) == len(walk.deviations) == len(walk.kept)
        for index, frame in zip(walk.kept, walk.frames, strict=True):
            np.testing.assert_allclose(frame.positions, whole.frames[index].positions, atol=1e-9)

    def test_a_walk_that_is_all_failed_keeps_its_earliest_samples(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        keep = KeepRule(lower=1e-15, upper=1e-14, accurate=3, earliest=2)
        away = solid.copy()
        away.rattle(0.05, seed=3)  # in an ideal crystal no force deviates
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(), away), keep=keep)
        assert len(walk.step) > 2
        assert walk.kept.tolist() == [0, 1]
        assert walk.beyond is None
        assert len(walk.frames) == len(walk.forces) == len(walk.deviations) == 2
        assert walk.last is None

    def test_temperature_stays_near_its_target(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walker = self.walker(steps=3 * self.steps)
        (walk,) = self.run(explorer, committee, tmp_path, (walker, solid))
        mean = walk.temperature[len(walk.temperature) // 3 :].mean()
        low, high = self.mean_temperature_band
        assert low * self.temperature < mean < high * self.temperature, walk.temperature

    def strained_heated_compressed(self, steps: int) -> tuple[Leg, ...]:
        """Four legs, so that a stop falls into each kind."""
        steps -= steps % self.sample_every
        low, high = self.temperature, 1.3 * self.temperature
        held, heated = (low, low), (low, high)
        return (
            Leg(steps=steps, ensemble="nvt", temperature=held),
            Leg(steps=steps, ensemble="nvt", temperature=held, stretch=(1.02, 1.0, 0.99)),
            Leg(steps=steps, ensemble="nvt", temperature=heated),
            Leg(steps=steps, ensemble="npt", temperature=(high, low), pressure=(0.0, 2.0)),
        )

    def test_the_temperature_follows_its_ramp(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        hot, cold = 1.5 * self.temperature, 0.5 * self.temperature
        long = 60 * self.sample_every
        for ensemble in ("nvt", "npt"):
            legs = (
                Leg(steps=long, ensemble=ensemble, temperature=(hot, hot)),
                Leg(steps=2 * long, ensemble=ensemble, temperature=(hot, cold)),
                Leg(steps=long, ensemble=ensemble, temperature=(cold, cold)),
            )
            walker = self.walker(legs=legs)
            (walk,) = self.run(explorer, committee, tmp_path / ensemble, (walker, solid))
            assert walk.step.tolist() == list(range(0, 4 * long + 1, self.sample_every))
            low, high = self.mean_temperature_band
            found = [walk.temperature[part].mean() for part in (slice(20, 60), slice(200, 241))]
            assert low * hot < found[0] < high * hot, walk.temperature
            assert low * cold < found[1] < high * cold, walk.temperature
            middle = walk.temperature[90:151].mean()
            assert low * self.temperature < middle < high * self.temperature, walk.temperature

    def test_the_cell_follows_its_strain_and_the_atoms_the_cell(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        steps = 10 * self.sample_every
        held = (self.temperature, self.temperature)
        legs = (
            Leg(steps=steps, ensemble="nvt", temperature=held, stretch=(1.06, 1.0, 0.97)),
            Leg(steps=steps, ensemble="nvt", temperature=held, stretch=(0.95, 0.95, 0.95)),
        )
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(legs=legs), solid))
        part = np.linspace(0, 1, 11)[:, np.newaxis]
        first = 1 + part * np.array([0.06, 0.0, -0.03])
        second = first[-1] * (1 - 0.05 * part)
        expected = np.vstack([first, second[1:]])
        cells = np.array([frame.cell.array for frame in walk.frames])
        np.testing.assert_allclose(
            cells, expected[:, :, np.newaxis] * solid.cell.array, rtol=0, atol=1e-6
        )
        moved = walk.frames[-1].get_scaled_positions() - walk.frames[0].get_scaled_positions()
        moved -= np.rint(moved)
        assert np.abs(moved @ solid.cell.array).max() < 2.0  # a solid: they stay at their sites

    def test_the_density_follows_the_pressure(
        self,
        explorer: Explorer,
        committee: Committee,
        predict: Predict,
        solid: Atoms,
        tmp_path: Path,
    ) -> None:
        """The pressure of the frames, by the potential itself, is the one asked for."""
        held = (self.temperature, self.temperature)
        steps, target = 30 * self.sample_every, self.pressure
        legs = (
            Leg(steps=steps, ensemble="npt", temperature=held, pressure=(0.0, target)),
            Leg(steps=3 * steps, ensemble="npt", temperature=held, pressure=(target, target)),
        )
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(legs=legs), solid))
        volumes = [frame.get_volume() for frame in walk.frames]
        assert volumes[-1] < 0.99 * volumes[0]
        pressures = []
        for frame, temperature in zip(walk.frames[60:], walk.temperature[60:], strict=True):
            ideal = len(frame) * units.kB * temperature
            virial = float(np.trace(predict(0, frame)[1] + self.added_virial(frame))) / 3
            pressures.append((ideal + virial) / frame.get_volume() / units.GPa)
        assert np.mean(pressures) == pytest.approx(target, rel=0.25)

    def test_only_npt_changes_the_volume(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walkers = (
            (self.walker("fixed"), solid),
            (self.walker("soft", ensemble="npt", pressure=0.0), solid),
            (self.walker("hard", ensemble="npt", pressure=30.0), solid),
        )
        fixed, soft, hard = self.run(explorer, committee, tmp_path, *walkers)
        volumes = [[frame.get_volume() for frame in walk.frames] for walk in (fixed, soft, hard)]
        assert volumes[0] == pytest.approx([solid.get_volume()] * len(volumes[0]))
        assert abs(volumes[1][-1] - solid.get_volume()) > 1e-3
        assert volumes[2][-1] < volumes[1][-1]

    def test_a_walker_that_explodes_is_a_result_and_disturbs_no_other(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        limits = Limits(deviation=1.0e9)
        good, bad = (self.walker("good"), solid), (self.walker("bad"), self.overlapping(solid))
        (alone,) = self.run(explorer, committee, tmp_path / "alone", good, limits=limits)
        walks = self.run(explorer, committee, tmp_path / "both", bad, good, limits=limits)
        assert [walk.name for walk in walks] == ["bad", "good"]
        assert walks[0].stop not in ("completed", "engine")
        assert walks[0].detail
        assert walks[0].cut == 1
        assert len(walks[0].step) < self.steps // self.sample_every + 1
        assert np.isfinite(walks[0].max_force_deviation).all()
        assert walks[1].stop == "completed"
        np.testing.assert_array_equal(walks[1].max_force_deviation, alone.max_force_deviation)

    def test_a_trajectory_is_cut_where_the_deviation_passes_its_limit(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        (whole,) = self.run(explorer, committee, tmp_path / "all", (self.walker(), solid))
        eps = whole.max_force_deviation
        limit = float(np.quantile(eps, 0.9)) * (1 + 1e-9)
        first = int(np.flatnonzero(eps > limit)[0])
        limits = Limits(deviation=limit, temperature_factor=1e9)
        (walk,) = self.run(
            explorer, committee, tmp_path / "cut", (self.walker(), solid), limits=limits
        )
        assert (walk.stop, walk.cut, len(walk.step)) == ("deviation", 1, first)
        np.testing.assert_array_equal(walk.max_force_deviation, eps[:first])
        assert len(walk.frames) == first
        assert walk.beyond is not None
        beyond = whole.frames[first]
        np.testing.assert_allclose(walk.beyond.positions, beyond.positions, atol=1e-9)

    def test_close_atoms_end_a_trajectory(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        symbol = solid.get_chemical_symbols()[0]
        limits = Limits(deviation=1e9, min_distance={f"{symbol}-{symbol}": 9.9})
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker(), solid), limits=limits)
        assert (walk.stop, walk.cut, len(walk.step), walk.frames) == ("distance", 1, 0, [])

    def test_the_same_seed_gives_the_same_walk_and_another_one_does_not(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        start = (self.walker(), solid)
        (first,) = self.run(explorer, committee, tmp_path / "1", start)
        (second,) = self.run(explorer, committee, tmp_path / "2", start)
        (other,) = self.run(explorer, committee, tmp_path / "3", (self.walker(seed=12), solid))
        np.testing.assert_array_equal(first.max_force_deviation, second.max_force_deviation)
        np.testing.assert_array_equal(first.frames[-1].positions, second.frames[-1].positions)
        assert not np.allclose(first.frames[-1].positions, other.frames[-1].positions)

    def test_a_walk_that_was_stopped_and_continued_is_the_undisturbed_one(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        """Stopped again and again, until it ends; no sample is missing or there twice."""
        walkers = {
            "nvt": self.walker(ensemble="nvt"),
            "npt": self.walker(ensemble="npt"),
            "legs": self.walker(legs=self.strained_heated_compressed(self.steps // 4)),
        }
        for ensemble, walker in walkers.items():
            start = (walker, solid)
            (whole,) = self.run(explorer, committee, tmp_path / f"{ensemble}-whole", start)
            place = tmp_path / f"{ensemble}-parts"
            (walk,), stops = self.run_in_parts(explorer, committee, place, start)
            assert stops >= 2
            assert (walk.stop, walk.cut) == ("completed", 0)
            np.testing.assert_array_equal(walk.step, whole.step)
            np.testing.assert_array_equal(walk.kept, whole.kept)
            for column in _COLUMNS:
                self.same(getattr(walk, column), getattr(whole, column))
            for one, two in zip(walk.frames, whole.frames, strict=True):
                self.same(one.cell.array, two.cell.array)
                offset = one.get_scaled_positions() - two.get_scaled_positions()
                self.same(offset - np.rint(offset), np.zeros_like(offset))
            for ours, theirs in zip(walk.forces, whole.forces, strict=True):
                self.same(ours, theirs)

    def same(self, found: np.ndarray, expected: np.ndarray) -> None:
        np.testing.assert_allclose(
            found, expected, rtol=self.continued, atol=self.continued, equal_nan=True
        )

    def asked(self, folder: Path) -> Callable[[], bool]:
        """Whether a stop has been asked for: when the explorer has looked ``looks`` times."""
        looks = iter([False] * self.looks)
        return lambda: next(looks, True)

    def run_in_parts(
        self, explorer: Explorer, committee: Committee, folder: Path, *walkers: tuple[Walker, Atoms]
    ) -> tuple[list[Walk], int]:
        """Walks, and how often the job was stopped before they were there."""
        for stops in range(self.steps // self.sample_every + 10):  # each goes on by a sample
            with mock.patch.object(stopping, "requested", self.asked(folder)):
                try:
                    return self.run(explorer, committee, folder, *walkers), stops
                except JobStopped:
                    continue
        raise AssertionError("it never comes to an end")

    def test_walks_arrive_one_by_one_and_nothing_large_stays(
        self, explorer: Explorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walkers = [(self.walker("one"), solid), (self.walker("two", seed=5), solid)]
        clock = Clock()
        walks = explorer.explore(
            walkers,
            committee,
            limits=EVERYTHING,
            keep=self.all_kept(),
            folder=tmp_path,
            clock=clock,
        )
        assert next(walks).name == "one"
        assert next(walks).name == "two"
        assert next(walks, None) is None
        assert len(clock.spans) == 2
        for span in clock.spans:
            assert span.what == "compute"
            assert clock.started <= span.start < span.end
        assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 60_000

    def test_input_is_shown_without_running(
        self, explorer: Explorer, committee: Committee, solid: Atoms
    ) -> None:
        files = explorer.render(self.walker(), solid, committee)
        assert files
        assert str(committee.models[0]) in "".join(files.values())
        assert explorer.check()
