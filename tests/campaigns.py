"""Small campaigns for tests, and what can be said of a campaign that has run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from al_loop.loop.context import Context
from al_loop.store import Connection, Stage, Store

CHEAP = """\
name: {name}
elements: [Si, O]
seed: 11
structures:
  cristobalite:
    crystal: beta-cristobalite
    perturb: {{copies: 10, rattle: 0.1, strain: 0.03}}
  packed:
    formula: SiO2
    atoms: 24
    density: 2.2
    min_distance: {{Si-O: 1.5, O-O: 2.2, Si-Si: 2.6}}
    boxes: 2
    perturb: {{copies: 3, rattle: 0.05, strain: 0.02}}
train:
  engine: linear
  members: 3
explore:
  engine: ase
  sample_every: 5
  walkers_per_job: 2
  stages:
    - {{from: [cristobalite], temperatures: [300, 1500], steps: 60}}
    - {{from: [cristobalite, packed], temperatures: [1500], steps: 60}}
select:
  trust: {{lower: 0.15, upper: 20.0}}
  batch: 6
  audit: 2
label:
  engine: pair
  frames_per_job: 4
split: {{valid: 0.1, test: 0.2}}
budget: {{iterations: 3}}
resources: {{cores: 2}}
"""
"""Deterministic engines: a linear pair potential learns BKS silica, ASE runs it."""

REAL = """\
name: {name}
elements: [Si, O]
seed: 5
structures:
  cristobalite:
    crystal: beta-cristobalite
    perturb: {{copies: 14, rattle: 0.08, strain: 0.03}}
train:
  members: 2
  options:
    rcut: 4.0
    neuron: [4, 8]
    axis_neuron: 2
    fitting_neuron: [8, 8]
    steps: 150
explore:
  sample_every: 10
  walkers_per_job: 1
  stages:
    - {{from: [cristobalite], temperatures: [300, 1000], steps: 150}}
select:
  trust: {{lower: 0.01, upper: 10.0}}
  batch: 4
  audit: 1
label:
  frames_per_job: 3
split: {{valid: 0.1, test: 0.2}}
budget: {{iterations: 2}}
resources: {{cores: 2}}
"""
"""The engines of the quickstart, as small as they go."""

AL_LOOP = Path(sys.executable).parent / "al-loop"


@dataclass(frozen=True)
class Outcome:
    """What must not depend on what happened to the machine."""

    state: str
    chosen: frozenset[tuple[str, int, str]]
    """Frame, iteration, why."""
    labels: dict[str, tuple[str, float | None, bytes]]
    """Frame -> state, energy, bytes of the forces."""


def outcome(store: Store, name: str) -> Outcome:
    """Read from the store what a campaign has chosen and labelled."""
    ctx = Context(store, name)
    selections = store.selections.of_campaign(name)
    labels = ctx.labels_of([s.frame for s in selections])
    return Outcome(
        state=ctx.record.state,
        chosen=frozenset((s.frame, s.iteration, s.chosen) for s in selections),
        labels={
            frame: (
                label.state,
                label.energy,
                b"" if label.forces is None else label.forces.tobytes(),
            )
            for frame, label in labels.items()
        },
    )


def computed(folder: Path) -> Counter[str]:
    """How often each frame's label was computed, from the jobs' own logs."""
    counts: Counter[str] = Counter()
    for log in folder.rglob("computed.log"):
        counts.update(log.read_text().split())
    return counts


def write_campaign(folder: Path, text: str, *, name: str) -> Path:
    """Write a campaign file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text.format(name=name))
    return path


STARTED: list[subprocess.Popen[bytes]] = []
"""Every `al-loop run`: one whose database is gone waits for it, long after a test has failed."""


def start_run(file: Path, launchpad: Path | None) -> subprocess.Popen[bytes]:
    """`al-loop run`, as a user starts it, in the folder of the file."""
    options = [] if launchpad is None else ["--launchpad", launchpad]
    with (file.parent / "run.log").open("ab") as log:
        run = subprocess.Popen(
            [AL_LOOP, "run", file.name, *options],
            cwd=file.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    STARTED.append(run)
    return run


def end_runs() -> None:
    """End what a test that failed has left running."""
    while STARTED:
        run = STARTED.pop()
        run.kill()
        run.wait()


def finish_run(file: Path, launchpad: Path, *, timeout: float = 300) -> None:
    """Run to the end and insist that it ends well."""
    run = start_run(file, launchpad)
    code = run.wait(timeout)
    assert code == 0, (file.parent / "run.log").read_text()


def kill_when(
    file: Path, launchpad: Path, condition: Callable[[], bool], *, timeout: float = 120
) -> bool:
    """Start a run and SIGKILL it as soon as a condition holds; False when it ended before."""
    run = start_run(file, launchpad)
    end = time.monotonic() + timeout
    while run.poll() is None and time.monotonic() < end:
        if condition():
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            return True
        time.sleep(0.005)
    assert run.poll() is not None, "the run neither reached the condition nor ended"
    assert run.returncode == 0, (file.parent / "run.log").read_text()
    return False


def kill_in_every_stage(
    file: Path, launchpad: Path, connection: Connection, name: str
) -> set[Stage]:
    """Start a run again and again, and kill it once in each stage; the stages where it worked."""
    stages = [stage for stage in get_args(Stage) if stage not in ("quench", "validate", "done")]
    return {stage for stage in stages if kill_at(file, launchpad, connection, name, stage=stage)}


def kill_at(
    file: Path, launchpad: Path, connection: Connection, name: str, *, stage: Stage
) -> bool:
    """Start a run and kill it at a stage, with a job of it under way where the stage has jobs."""
    with Store(connection) as store:

        def reached() -> bool:
            iteration = store.iterations.latest(name)
            if iteration is None or iteration.stage != stage:
                return False
            place = file.parent / name / f"iter.{iteration.index:06d}" / stage
            return stage == "select" or any(place.glob("*/.lock"))

        return kill_when(file, launchpad, reached)


@dataclass(frozen=True)
class Place:
    """The cheap campaign in a folder of its own, and its database."""

    file: Path
    launchpad: Path
    connection: Connection
    folder: Path
    """Where its jobs are."""

    @classmethod
    def make(cls, base: Path, connection: Connection, *, folder: Path | None = None) -> Place:
        """Write the campaign's file and the database's into ``base``."""
        folder = folder or base / "cheap"
        file = write_campaign(base, f"{CHEAP}folder: {folder}\n", name="cheap")
        launchpad = base / "site.yaml"
        connection.to_launchpad_file(launchpad)
        return cls(file, launchpad, connection, folder)

    @property
    def log(self) -> str:
        """What `al-loop run` has said so far."""
        return (self.file.parent / "run.log").read_text()

    def start(self) -> subprocess.Popen[bytes]:
        """`al-loop run`."""
        return start_run(self.file, self.launchpad)

    def finish(self) -> None:
        """`al-loop run`, to its end."""
        finish_run(self.file, self.launchpad)

    def insist_that_nothing_is_lost(self, undisturbed: Outcome) -> None:
        """No label lost, none computed twice, no job given up, all bits as without the fault."""
        with Store(self.connection) as store:
            given_up = store.jobs.quarantined("cheap")
            assert given_up == [], given_up
            found = outcome(store, "cheap")
        assert found.state == undisturbed.state, found.state
        assert found.chosen == undisturbed.chosen, found.chosen ^ undisturbed.chosen
        assert found.labels == undisturbed.labels, found.labels.keys() ^ undisturbed.labels.keys()
        assert set(computed(self.folder).values()) == {1}
