"""The LAMMPS explorer, on LAMMPS and on a committee that DeePMD-kit has just trained."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from ase import Atoms

from al_loop import stopping
from al_loop.campaign.engines import engine_class
from al_loop.errors import EngineCrashed, EngineMissing, JobStopped
from al_loop.explore import (
    Committee,
    KeepRule,
    Limits,
    Walk,
    collect_walks,
    run_explore_job,
    stage_explore_job,
)
from al_loop.explore.lammps import LammpsExplorer, LammpsOptions, nvt_example
from al_loop.jobfolder import Clock, JobFolder
from al_loop.lammps.cell import RestrictedCell
from al_loop.lammps.executable import find_program

from .contract import EVERYTHING, ExplorerContract, Predict

pytestmark = pytest.mark.engine


class LammpsContract(ExplorerContract):
    """LAMMPS on the committee of Cu3Au."""

    temperature = 300.0
    steps = 100
    sample_every = 10
    deviation_rtol = 1.0e-4
    virial_rtol = 1.0e-4
    force_atol = 1.0e-5
    continued = 1.0e-7

    @pytest.fixture
    def explorer(self) -> LammpsExplorer:
        return LammpsExplorer(LammpsOptions(tdamp=50.0, pdamp=300.0, restart_every=20))

    @pytest.fixture
    def committee(self, deepmd_committee: Committee) -> Committee:
        return deepmd_committee

    @pytest.fixture
    def predict(self, deepmd_predict: Predict) -> Predict:
        return deepmd_predict

    @pytest.fixture
    def solid(self, alloy: Atoms) -> Atoms:
        return alloy

    def overlapping(self, solid: Atoms) -> Atoms:
        """Two atoms at one place: a neural network takes less without a murmur."""
        atoms = solid.copy()
        atoms.positions[1] = atoms.positions[0]
        return atoms

    def asked(self, folder: Path) -> Callable[[], bool]:
        """When LAMMPS has taken some samples since it was started."""
        rows = folder / "solid" / "deviation.out"
        return lambda: rows.exists() and len(rows.read_text().splitlines()) >= 5

    def in_their_axes(self, worst: np.ndarray, virials: np.ndarray, frame: Atoms) -> float:
        """DeePMD-kit takes the components in LAMMPS' axes."""
        turn = RestrictedCell.of(frame.cell.array).rotation
        turned = turn @ virials @ turn.T
        spread = np.sqrt(((turned - turned.mean(axis=0)) ** 2).mean(axis=0))
        return float(spread.max()) / len(frame)


class TestLammpsExplorer(LammpsContract):
    def test_a_walkers_input_runs_by_hand(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        (walk,) = self.run(explorer, committee, tmp_path, (self.walker("hand", steps=20), solid))
        folder = tmp_path / "hand"
        assert sorted(p.name for p in folder.iterdir()) == ["in.lammps", "log.lammps", "start.data"]
        run_by_hand(folder)
        rows = np.loadtxt(folder / "deviation.out")
        np.testing.assert_array_equal(rows[:, 4], walk.max_force_deviation)

    def test_lammps_that_dies_inside_a_walker_is_started_again_for_the_others(
        self, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        """A wrapper kills the program with a segmentation fault in the second walker."""
        program = find_program(LammpsOptions())
        log = tmp_path / "starts"
        wrapper = tmp_path / "lmp"
        wrapper.write_text(CRASHING.format(python=sys.executable, lmp=program.command[0], log=log))
        wrapper.chmod(0o755)
        explorer = PreparedEnvironment(LammpsOptions(command=(str(wrapper),)), program.environment)
        walkers = [(self.walker(name, steps=30), solid) for name in ("a", "crashes", "c")]
        walks = self.run(explorer, committee, tmp_path / "run", *walkers)
        assert [walk.name for walk in walks] == ["a", "crashes", "c"]
        assert [walk.stop for walk in walks] == ["completed", "engine", "completed"]
        assert walks[1].cut == 1
        assert len(walks[1].step) >= 1
        np.testing.assert_array_equal(walks[0].max_force_deviation, walks[2].max_force_deviation)
        assert len(log.read_text().split()) == 2

    def test_compute_spans_leave_out_the_loading_of_models(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        clock = Clock()
        start = time.time()
        self.run(explorer, committee, tmp_path, (self.walker(), solid), clock=clock)
        (span,) = clock.spans
        assert 0 < span.end - span.start < time.time() - start
        loop = next(
            line for line in (tmp_path / "lmp.out").read_text().splitlines() if "Loop time" in line
        )
        assert span.end - span.start == pytest.approx(float(loop.split()[3]), abs=1e-5)

    def test_barostats_change_what_they_say(
        self, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walker = self.walker(ensemble="npt", pressure=5.0, steps=60)
        shapes = {}
        for barostat in ("iso", "aniso", "tri"):
            explorer = LammpsExplorer(
                LammpsOptions.model_validate({"barostat": barostat, "pdamp": 100.0})
            )
            (walk,) = self.run(explorer, committee, tmp_path / barostat, (walker, solid))
            first, last = walk.frames[0].cell.cellpar(), walk.frames[-1].cell.cellpar()
            shapes[barostat] = (last[:3] / first[:3], last[3:] - first[3:])
            self_consistent(walk.frames[-1], walk.forces[-1], committee)
        lengths, angles = shapes["iso"]
        assert lengths == pytest.approx([lengths[0]] * 3, abs=1e-9)
        assert angles == pytest.approx([0, 0, 0], abs=1e-9)
        assert np.ptp(shapes["aniso"][0]) > 1e-6
        assert np.abs(shapes["tri"][1]).max() > 1e-6

    def test_a_trained_model_runs_from_its_example(
        self, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        model = tmp_path / "alloy.pb"
        model.write_bytes(committee.models[0].read_bytes())
        files = nvt_example(
            model.name, solid, temperature=300.0, steps=100, elements=committee.elements
        )
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        output = run_by_hand(tmp_path)
        assert "Loop time of" in output
        assert (tmp_path / "trajectory.lammpstrj").exists()

    def test_a_model_that_cannot_be_read_is_the_machines_fault(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken.pb"
        broken.write_text("not a model")
        models = Committee("deepmd", "deepmd", committee.elements, (broken, broken))
        with pytest.raises(EngineCrashed, match="LAMMPS ended"):
            self.run(explorer, models, tmp_path / "run", (self.walker(), solid))

    def test_a_lammps_without_deepmd_is_the_machines_fault(
        self, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        program = find_program(LammpsOptions())
        environment = {k: v for k, v in program.environment.items() if k != "LAMMPS_PLUGIN_PATH"}
        explorer = PreparedEnvironment(LammpsOptions(command=program.command), environment)
        with pytest.raises(EngineCrashed, match="pair style"):
            self.run(explorer, committee, tmp_path, (self.walker(), solid))

    def test_models_of_another_format_are_refused(
        self, explorer: LammpsExplorer, lj_committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        with pytest.raises(EngineMissing, match="format 'lj'"):
            self.run(explorer, lj_committee, tmp_path, (self.walker(), solid))

    def test_check_names_the_version_at_once(self, explorer: LammpsExplorer) -> None:
        start = time.monotonic()
        assert "pair_style deepmd" in explorer.check()
        assert time.monotonic() - start < 5
        assert "tensorflow" not in subprocess.run(
            [sys.executable, "-c", CHECK_ALONE], capture_output=True, text=True, check=True
        ).stdout.split()  # fmt: skip

    @pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM to all"])
    def test_a_job_that_ends_early_takes_lammps_with_it_and_goes_on(
        self, committee: Committee, solid: Atoms, tmp_path: Path, how: str
    ) -> None:
        def stage(name: str) -> JobFolder:
            return stage_explore_job(
                tmp_path / name,
                engine="lammps",
                options=LammpsOptions(restart_every=10),
                walkers=[
                    (self.walker("short", steps=20), solid),
                    (self.walker("long", steps=600), solid),
                ],
                committee=committee,
                limits=EVERYTHING,
                keep=KeepRule(lower=0.0, upper=1e9, accurate=0),
            )

        folder = stage("killed")
        process = subprocess.Popen([sys.executable, "-c", RUN, str(folder.path)])
        until(lambda: (folder.path / "short.deviation.npz").exists())
        until(lambda: (folder.path / "long" / "restart.b").exists())
        if how == "SIGKILL":
            os.kill(process.pid, signal.SIGKILL)
        else:  # Slurm signals all processes of a step at once
            for number in [*lammps_in(folder.path), process.pid]:
                os.kill(number, signal.SIGTERM)
        assert process.wait() == (-signal.SIGKILL if how == "SIGKILL" else 3)
        until(lambda: not lammps_in(folder.path))
        saved = (folder.path / "short.deviation.npz").stat().st_mtime_ns
        clock = Clock()
        run_explore_job(folder, clock)
        assert len(clock.spans) == 1
        assert (folder.path / "short.deviation.npz").stat().st_mtime_ns == saved
        assert "Reading restart file" in (folder.path / "lmp.out").read_text()
        other = stage("undisturbed")
        run_explore_job(other, Clock())
        for mine, theirs in zip(collect_walks(folder), collect_walks(other), strict=True):
            np.testing.assert_array_equal(mine.step, theirs.step)
            self.same(mine.max_force_deviation, theirs.max_force_deviation)
            self.same(mine.frames[-1].positions, theirs.frames[-1].positions)

    def stopped(
        self, explorer: LammpsExplorer, committee: Committee, folder: Path, solid: Atoms
    ) -> None:
        """Run the walker until it has taken some samples."""
        with (
            mock.patch.object(stopping, "requested", self.asked(folder)),
            pytest.raises(JobStopped),
        ):
            self.run(explorer, committee, folder, (self.walker(), solid))

    @pytest.mark.parametrize("damage", ["short", "both short", "unreadable", "lost samples"])
    def test_a_walker_whose_restart_is_damaged_still_ends_whole(
        self,
        explorer: LammpsExplorer,
        committee: Committee,
        solid: Atoms,
        tmp_path: Path,
        damage: str,
    ) -> None:
        (whole,) = self.run(explorer, committee, tmp_path / "whole", (self.walker(), solid))
        self.stopped(explorer, committee, tmp_path / "j", solid)
        place = tmp_path / "j" / "solid"
        files = sorted(place.glob("restart.?"), key=lambda p: p.stat().st_mtime_ns)
        assert files
        for file in files if damage != "short" else files[-1:]:
            data = file.read_bytes()
            if "short" in damage:
                file.write_bytes(data[:-100])
            elif damage == "unreadable":
                file.write_bytes(data[:200] + bytes(len(data) - 300) + data[-100:])
        if damage == "lost samples":
            (place / "samples.dump").write_text("")
        walks: list[Walk] = []
        with contextlib.suppress(EngineCrashed):
            walks = self.run(explorer, committee, tmp_path / "j", (self.walker(), solid))
        if damage == "unreadable":
            assert walks == []
            walks = self.run(explorer, committee, tmp_path / "j", (self.walker(), solid))
        (walk,) = walks
        np.testing.assert_array_equal(walk.step, whole.step)
        self.same(walk.max_force_deviation, whole.max_force_deviation)
        assert sorted(p.name for p in place.iterdir()) == ["in.lammps", "log.lammps", "start.data"]

    def test_a_restart_of_another_walk_is_not_taken(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        self.stopped(explorer, committee, tmp_path / "j", solid)
        other = (self.walker(seed=12), solid)
        (walk,) = self.run(explorer, committee, tmp_path / "j", other)
        (alone,) = self.run(explorer, committee, tmp_path / "alone", other)
        np.testing.assert_array_equal(walk.frames[-1].positions, alone.frames[-1].positions)

    def test_a_hot_walker_ends_by_its_temperature(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        shaken = solid.copy()
        shaken.rattle(0.25, rng=np.random.default_rng(1))
        limits = Limits(deviation=1e9, temperature_factor=1.001)
        walker = self.walker(temperature=10.0)
        (walk,) = self.run(explorer, committee, tmp_path, (walker, shaken), limits=limits)
        assert (walk.stop, walk.cut) == ("temperature", 1)
        assert walk.temperature.max() <= 1010
        log = (tmp_path / walker.name / "log.lammps").read_text()
        assert "Fix halt condition for fix-id hot met" in log

    def test_the_watch_halts_lammps_soon_after_the_deviation_passes_its_limit(
        self, explorer: LammpsExplorer, committee: Committee, solid: Atoms, tmp_path: Path
    ) -> None:
        walker = self.walker(steps=3000)
        limits = Limits(deviation=1e-6, temperature_factor=1e9)
        (walk,) = self.run(explorer, committee, tmp_path, (walker, solid), limits=limits)
        assert (walk.stop, walk.cut, len(walk.step)) == ("deviation", 1, 0)
        log = (tmp_path / walker.name / "log.lammps").read_text()
        halted = log.partition("Fix halt condition for fix-id stop met on step ")[2].split()
        assert halted
        assert int(halted[0]) < walker.steps // 2


class PreparedEnvironment(LammpsExplorer):
    """A site's command in an environment that the site's modules have prepared."""

    def __init__(self, options: LammpsOptions, environment: dict[str, str]) -> None:
        super().__init__(options)
        self.prepared = environment

    def explore(self, *args, **others):  # type: ignore[no-untyped-def]
        with pytest.MonkeyPatch.context() as patch:
            for name in set(os.environ) | set(self.prepared):
                if name in self.prepared:
                    patch.setenv(name, self.prepared[name])
            yield from super().explore(*args, **others)


CRASHING = """#!{python}
import os, pathlib, signal, subprocess, sys
with open("{log}", "a") as log:
    log.write("started\\n")
process = subprocess.Popen(["{lmp}", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
inside = False
for line in process.stdout:
    print(line, end="", flush=True)
    inside = inside or line.startswith("al_loop: begin crashes")
    if inside and line.split()[:1] == ["10"]:
        process.kill()
        process.wait()
        os.kill(os.getpid(), signal.SIGSEGV)
sys.exit(process.wait())
"""

CHECK_ALONE = """
import sys
from al_loop.explore.lammps import LammpsExplorer, LammpsOptions
LammpsExplorer(LammpsOptions()).check()
print(*sys.modules)
"""

RUN = """
import sys
from pathlib import Path
from al_loop import stopping
from al_loop.errors import JobStopped
from al_loop.explore import run_explore_job
from al_loop.jobfolder import Clock, JobFolder
folder = JobFolder(Path(sys.argv[1]))
with stopping.listening(folder.path):
    try:
        run_explore_job(folder, Clock())
    except JobStopped:
        sys.exit(3)
"""


def run_by_hand(folder: Path) -> str:
    program = find_program(LammpsOptions())
    return subprocess.run(
        [*program.command, "-in", "in.lammps"],
        cwd=folder,
        env=program.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lammps_in(folder: Path) -> list[int]:
    """Processes whose working folder is in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if where == folder or folder in where.parents:
            found.append(int(process.name))
    return found


def self_consistent(frame: Atoms, forces: np.ndarray, committee: Committee) -> None:
    """The leader gives a frame the forces that came with it."""
    trainer = engine_class("train", committee.trainer)
    predictor = trainer.predictor(committee.models[0], committee.elements)  # type: ignore[attr-defined]
    np.testing.assert_allclose(predictor.predict(frame)[1], forces, atol=1e-5)
