"""A campaign as it is late in its life, written by the store's own writers.

For :mod:`benchmarks.web`: labels with forces of 72 atoms, selections, walks, committees, training
sets, jobs, events. The numbers are random; the frames themselves, of which no page of a campaign
reads more than the composition, have 9 atoms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.campaign.stages import TrustLevels
from al_loop.crystals import crystal
from al_loop.frame import frame_hash
from al_loop.glass import measure
from al_loop.glass.measuring import MeasureOptions
from al_loop.glass.trajectory import Trajectory
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.store import (
    AuditStratum,
    CalibrationRecord,
    Counts,
    ErrorSummary,
    Event,
    GlassMeasurement,
    GlassRecord,
    JobRecord,
    LabelRecord,
    Levels,
    ModelRecord,
    Selection,
    Store,
    WalkRecord,
)
from al_loop.units import Array

NAME = "large"
ATOMS = 72
SAMPLES = 40
MEMBERS = 4
SYSTEMS, GLASSES = ("silica-a", "silica-b", "silica-c"), 3
GROUPS = tuple(f"Si{n}O{2 * n}, stage {stage}" for n in (1, 2, 3) for stage in (1, 2))
FAILING, DOUBTED = 200, 500
"""One label in so many has failed, or is in quarantine."""

CAMPAIGN = """\
name: {name}
elements: [Si, O]
seed: 1
structures:
  cristobalite:
    crystal: beta-cristobalite
    supercell: [1, 1, 3]
    perturb: {{copies: 20, rattle: 0.1, strain: 0.03}}
train: {{engine: linear, members: 4}}
explore:
  engine: ase
  stages:
    - {{from: [cristobalite], temperatures: [300], steps: 400, walkers: {walkers}}}
select:
  trust: {{lower: 0.1, upper: 0.3}}
  bearable_error: 0.3
  batch: {batch}
  audit: 10
label: {{engine: pair, minutes_per_job: 10, quorum: 0.9}}
budget: {{iterations: {iterations}, labels: {labels}}}
"""


@dataclass(frozen=True)
class Size:
    """Of a campaign."""

    labels: int
    iterations: int
    walkers: int


class Writer:
    """Writes the campaign, an iteration at a time."""

    def __init__(self, store: Store, folder: Path, size: Size) -> None:
        self.store = store
        self.size = size
        self.batch = size.labels // size.iterations
        self.rng = np.random.default_rng(1)
        self.ctx = Context(store, register(store, self._spec(folder), base=folder).name)
        self.ctx.declare_method()
        self.begun = store.clock() - timedelta(hours=2.0 * size.iterations)
        self.parent: str | None = None
        self.folder = folder
        self.frame = ""
        """One that was explored."""

    def _spec(self, folder: Path) -> CampaignSpec:
        file = folder / "large.yaml"
        text = CAMPAIGN.format(
            name=NAME,
            walkers=self.size.walkers,
            batch=self.batch,
            iterations=self.size.iterations + 1,
            labels=2 * self.size.labels,
        )
        file.write_text(text)
        return load_campaign(file).model_copy(update={"folder": str(folder / NAME)})

    def write(self) -> None:
        """All of it; the last iteration labels, with half of its jobs still to come."""
        for index in range(self.size.iterations):
            self._iteration(index)
        self._glasses(self.size.iterations - 2)

    def _iteration(self, index: int) -> None:
        frames = self._frames()
        self.frame = frames[0]
        self._selections(index, frames)
        self._labels(index, frames)
        self._walks(index)
        self._committee(index, frames)
        self._jobs(index, frames)
        self._record(index)
        for n in range(20):
            text = f"{n}: something that an iteration tells"
            self.store.events.add(Event(campaign=NAME, kind="news", text=text))

    def _frames(self) -> list[str]:
        found = {}
        for _ in range(self.batch):
            atoms = Atoms("Si3O6", positions=self.rng.random((9, 3)) * 5, cell=[5] * 3, pbc=True)
            found[frame_hash(atoms)] = atoms
        self.store.frames.put_many(found)
        return sorted(found)

    def _selections(self, index: int, frames: list[str]) -> None:
        deviation = self.rng.lognormal(-1.8, 0.5, len(frames))
        error = deviation * self.rng.lognormal(0.3, 0.4, len(frames))
        first = index == 0
        self.store.selections.put_many(
            Selection(
                campaign=NAME,
                frame=frame,
                iteration=index,
                chosen="initial" if first else "audit" if i % 40 == 0 else "candidate",
                split=self.ctx.split(frame),
                source="cristobalite" if first else f"walker-{i % self.size.walkers:05d}",
                step=None if first else 10 * (i % SAMPLES),
                temperature=float(self.rng.normal(1500.0, 300.0)),
                pressure=0.0,
                density=float(self.rng.normal(2.2, 0.1)),
                deviation=None if first else float(deviation[i]),
                predicted_forces=None if first else self._forces(),
                group=GROUPS[i % len(GROUPS)],
                stands_for=1.0,
                error=None if first else float(error[i]),
                largest_force=None if first else 3.0,
            )
            for i, frame in enumerate(frames)
        )

    def _forces(self) -> Array:
        return self.rng.normal(size=(ATOMS, 3))

    def _labels(self, index: int, frames: list[str]) -> None:
        self.store.labels.put_many(self._label(frame, i, index) for i, frame in enumerate(frames))

    def _label(self, frame: str, i: int, index: int) -> LabelRecord:
        failed, doubted = i % FAILING == 3, i % DOUBTED == 5
        return LabelRecord(
            frame=frame,
            method=self.ctx.method,
            state="failed" if failed else "quarantined" if doubted else "ok",
            energy=None if failed else -500.0,
            forces=None if failed else self._forces(),
            virial=None if failed else np.eye(3),
            reason="scf-not-converged" if failed else "large-force" if doubted else "",
            doubt="a force of 120 eV/Å" if doubted else "",
            engine="pair",
            seconds=60.0,
            cores=8,
            host="node",
            when=self.begun + timedelta(hours=2.0 * index),
        )

    def _walks(self, index: int) -> None:
        deviation = self.rng.lognormal(-2.0, 0.6, (self.size.walkers, SAMPLES))
        self.store.walks.put_many(
            WalkRecord(
                campaign=NAME,
                iteration=index,
                walker=f"walker-{i:05d}",
                structure="cristobalite",
                ensemble="nvt",
                temperature=300.0,
                pressure=0.0,
                stop="completed",
                detail="",
                cut=0,
                step=np.arange(SAMPLES) * 10,
                max_force_deviation=row,
                target_temperature=np.full(SAMPLES, 300.0),
                sample_temperature=self.rng.normal(300.0, 20.0, SAMPLES),
                sample_pressure=self.rng.normal(0.0, 0.5, SAMPLES),
            )
            for i, row in enumerate(deviation)
        )

    def _committee(self, index: int, frames: list[str]) -> None:
        self.parent = self.store.training_sets.put(self.ctx.method, frames, parent=self.parent)
        for member in range(MEMBERS):
            self.store.models.put(
                ModelRecord(
                    campaign=NAME,
                    iteration=index,
                    member=member,
                    seed=member,
                    parent=f"{NAME}/{index - 1}/{member}" if index else None,
                    trainer="linear",
                    options={},
                    training_set=self.parent,
                    state="ok",
                    test_errors=self._errors(index),
                    seconds=3600.0,
                )
            )

    def _glasses(self, index: int) -> None:
        """Of three compositions, with the curves of silica each."""
        file = self.folder / "measurement.json"
        samples = []
        for _ in range(GLASSES):
            atoms = crystal("beta-cristobalite").repeat(2)
            atoms.rattle(0.1, rng=self.rng)
            samples.append(Trajectory((atoms,)))
        measure(samples, MeasureOptions(groups=("structure",), temperature=300.0)).write(file)
        for system in SYSTEMS:
            key = {"campaign": NAME, "iteration": index, "system": system}
            for sample in range(GLASSES):
                made = {**key, "sample": sample, "model": "m", "seed": 1, "stop": "completed"}
                self.store.glasses.put(GlassRecord.model_validate(made))
            found = {**key, "samples": tuple(range(GLASSES)), "values": ()}
            found["file"] = self.store.files.put(file)
            self.store.glasses.put_measured(GlassMeasurement.model_validate(found))

    def _errors(self, index: int) -> ErrorSummary:
        rmse = 0.4 / (1.0 + index) ** 0.5
        return ErrorSummary(frames=100, energy_rmse=5 * rmse, force_rmse=rmse, virial_rmse=9 * rmse)

    def _jobs(self, index: int, frames: list[str]) -> None:
        last = index == self.size.iterations - 1
        chunks = [frames[i : i + 20] for i in range(0, len(frames), 20)]
        jobs = [
            JobRecord(
                campaign=NAME,
                iteration=index,
                stage="label",
                name=f"chunk-{i:03d}",
                items=tuple(chunk),
                state="due" if last and i >= len(chunks) // 2 else "done",
            )
            for i, chunk in enumerate(chunks)
        ]
        jobs += [
            JobRecord(
                campaign=NAME,
                iteration=index,
                stage="explore",
                name=f"walkers-{i:03d}",
                items=(f"walker-{i:05d}",),
                state="done",
            )
            for i in range(self.size.walkers // 4)
        ]
        lost = jobs[0].model_copy(
            update={
                "name": "lost",
                "state": "quarantined",
                "failure": "engine-crashed",
                "words": "Traceback (most recent call last)\n" * 200,
            }
        )
        self.store.jobs.put_many([*jobs, lost])

    def _record(self, index: int) -> None:
        samples = self.size.walkers * SAMPLES
        pair = TrustLevels(lower=0.1, upper=0.3)
        failed = len(range(3, self.batch, FAILING))
        doubted = len(range(5, self.batch, DOUBTED))
        iterations = self.store.iterations
        counts = Counts(
            explored=samples,
            accurate=samples // 2,
            candidate=samples // 3,
            failed=samples - samples // 2 - samples // 3,
            audit=10,
            labelled=self.batch - failed - doubted,
            failed_labels=failed,
            quarantined_labels=doubted,
            core_seconds=480.0 * self.batch,
        )
        iterations.open(NAME, index, "train", when=self.begun + timedelta(hours=2.0 * index))
        iterations.calibrate(NAME, index, _calibration(pair))
        iterations.freeze(NAME, index, "conditions", {"index": 0})
        last = index == self.size.iterations - 1
        iterations.move(
            NAME,
            index,
            from_stage="train",
            to_stage="label" if last else "done",
            counts=counts,
            trust=pair,
            test_errors=self._errors(index),
            audit_error=0.3,
            audit=tuple(
                AuditStratum(group=group, frames=10, error=0.3, bound=0.4) for group in GROUPS
            ),
            seconds={"train": 3600.0, "explore": 1800.0, "select": 60.0, "label": 1740.0},
            idle={},
            decision=None if last else "continue",
            reason="" if last else "not sure yet",
        )
        if last:
            iterations.mark_planned(NAME, index, "label")


def _calibration(trust: TrustLevels) -> CalibrationRecord:
    levels = tuple(
        Levels(group=group, trust=trust, frames=300, ratio=2.0, typical=1.2, accurate=200, missed=9)
        for group in ("", *GROUPS)
    )
    return CalibrationRecord(
        bearable_error=0.3, missed=0.1, fixed=trust, levels=levels, covered=900, predicted=1000
    )
