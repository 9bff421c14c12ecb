"""What every stage needs: the campaign as asked for, its store, its folder."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from al_loop.campaign import CampaignSpec, make_engine
from al_loop.errors import DatabaseError, UserError
from al_loop.explore import Explorer
from al_loop.frame import Labelled, Split, split_of
from al_loop.hashing import digest
from al_loop.jobfolder import JobFolder
from al_loop.label import FingerprintValue, Labeller
from al_loop.loop.curriculum import fixed_stage, stage_of
from al_loop.loop.method import declared, fingerprint_of, labeller_of
from al_loop.loop.quenching import quenched_frames
from al_loop.naming import inside
from al_loop.store import (
    Event,
    IterationRecord,
    JobRecord,
    LabelRecord,
    LabelState,
    Method,
    Selection,
    Stage,
    Store,
)
from al_loop.structures import Start, build_structures
from al_loop.train import Trainer
from al_loop.units import Array

STAMP = "campaign.sha256"
"""File in a campaign's folder: digest of what the campaign asks for."""


def is_claimed(folder: Path) -> bool:
    """Whether somebody who may write there has made this a campaign's folder.

    The database names the folder, and whoever may write to the database could name any;
    `al-loop run`, `submit` and `resume` leave a stamp.
    """
    return (folder / STAMP).is_file()


@dataclass(frozen=True)
class PlannedJob:
    """A job of a stage: its name within the stage, and what it is about.

    ``items`` (frame hashes, walker names, ...) is all that is needed, with the store, to
    write the job's folder again.
    """

    name: str
    items: tuple[str, ...]


class Context:
    """One campaign while something is being decided about it."""

    def __init__(self, store: Store, name: str) -> None:
        record = store.campaigns.get(name)
        if record is None:
            raise UserError(
                f"there is no campaign called {name!r} in this database",
                remedy="`al-loop status` lists the campaigns; `al-loop run FILE` starts one",
            )
        self.store = store
        self.record = record
        self._conditions: dict[int, int] = {}
        try:
            self.spec = CampaignSpec.model_validate(record.spec)
        except ValidationError as error:
            raise UserError(
                f"what campaign {name} asks for cannot be read here: {error.errors()[0]['msg']}",
                where=self.record.folder,
                remedy="use the version of al_loop, and the engines, with which it was submitted",
            ) from None

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.spec.name

    @cached_property
    def folder(self) -> Path:
        """The campaign's folder, to write to; DatabaseError unless somebody has claimed it."""
        folder = Path(self.record.folder)
        if not is_claimed(folder):
            raise DatabaseError(
                f"this is not a folder of a campaign here: it has no {STAMP}",
                where=folder,
                remedy="if it was moved, move it back; if it is lost, `al-loop resume "
                f"{self.name}` makes it again",
            )
        return folder

    @cached_property
    def trainer(self) -> Trainer:
        """The campaign's trainer."""
        return cast(Trainer, make_engine("train", self.spec.train.engine, self.spec.train.options))

    @cached_property
    def explorer(self) -> Explorer:
        """The campaign's explorer."""
        stage = self.spec.explore
        return cast(Explorer, make_engine("explore", stage.engine, stage.options))

    @cached_property
    def labeller(self) -> Labeller:
        """The campaign's labeller."""
        return labeller_of(self.spec)

    @cached_property
    def fingerprint(self) -> dict[str, FingerprintValue]:
        """The labels' method."""
        return fingerprint_of(self.spec, self.labeller)

    @cached_property
    def method(self) -> str:
        """Identity of the labels' method."""
        return digest(self.fingerprint)

    @cached_property
    def bare_method(self) -> str:
        """Identity of the method by which jobs compute; see ``al_loop.loop.method``."""
        return digest(dict(self.labeller.fingerprint()))

    @property
    def methods(self) -> tuple[str, ...]:
        """The labeller's, declared ones, and the campaign's that is made of them; once each.

        What is said of a label holds for all of them.
        """
        named = (declared(name).id for name in self.spec.label.declared)
        return tuple(dict.fromkeys((self.bare_method, *named, self.method)))

    @cached_property
    def starts(self) -> dict[str, list[Start]]:
        """Starting structures, the same at every call (seeded by the campaign).

        StructureError before the melt-quenches among them have been computed.
        """
        quenched = quenched_frames(self.store, self.spec)
        return build_structures(self.spec, base=Path(self.record.base), quenched=quenched)

    def declare_method(self) -> None:
        """Put the labels' method into the store, and those of which it is made."""
        for name in self.spec.label.declared:
            self.store.methods.put(declared(name))
        for fingerprint in (dict(self.labeller.fingerprint()), self.fingerprint):
            self.store.methods.put(Method(engine=self.spec.label.engine, fingerprint=fingerprint))

    def iteration_folder(self, index: int) -> Path:
        """``<campaign>/iter.000003``."""
        return self.folder / f"iter.{index:06d}"

    def job_folder(self, iteration: int, stage: Stage, job: str) -> JobFolder:
        """Folder of a job: ``<campaign>/iter.000003/label/chunk-000``."""
        return JobFolder(inside(self.iteration_folder(iteration) / stage, job, what="a job"))

    def folder_of(self, job: JobRecord) -> JobFolder:
        """Folder of a job that was put up."""
        return self.job_folder(job.iteration, job.stage, job.name)

    def split(self, frame: str) -> Split:
        """Split of a frame, from its hash alone."""
        return split_of(frame, valid=self.spec.split.valid, test=self.spec.split.test)

    def event(self, kind: str, text: str) -> None:
        """Append to the campaign's events."""
        self.store.events.add(Event(campaign=self.name, kind=kind, text=text))

    def labels_of(self, frames: Iterable[str]) -> dict[str, LabelRecord]:
        """Labels (ok and failed) that exist for these frames by the campaign's method."""
        return self.store.labels.get_many(frames, self.method)

    def labelled_frames(
        self, frames: Iterable[str], *, states: Container[LabelState] = ("ok",)
    ) -> list[tuple[str, Labelled]]:
        """Frames with a label, by default a good one, in the order of their hashes."""
        labels = {f: one for f, one in self.labels_of(frames).items() if one.state in states}
        atoms = self.store.frames.get_many(labels)
        pairs = []
        for frame in sorted(labels):
            label = labels[frame]
            assert label.energy is not None and label.forces is not None
            pairs.append((frame, Labelled(atoms[frame], label.energy, label.forces, label.virial)))
        return pairs

    def predicted_and_true(self, chosen: Iterable[Selection]) -> list[tuple[Array, Array]]:
        """Forces predicted when a frame was chosen, and those of its good label; eV/Å."""
        predicted = {s.frame: s.predicted_forces for s in chosen}
        return [
            (forces, label.forces)
            for frame, label in self.labels_of(predicted).items()
            if label.state == "ok"
            and (forces := predicted[frame]) is not None
            and label.forces is not None
        ]

    def conditions(self, iteration: int) -> int:
        """Index of the exploration stage of an iteration; the ones before have ended."""
        if iteration not in self._conditions:
            stages = self.spec.explore.stages
            self._conditions[iteration] = stage_of(self.store, self.name, stages, iteration)
        return self._conditions[iteration]

    def conditions_of(self, record: IterationRecord) -> int:
        """The same for a record at hand, which is not read again."""
        index = fixed_stage(record, self.spec.explore.stages)
        return self.conditions(record.index) if index is None else index

    def is_final(self, iteration: IterationRecord) -> bool:
        """Whether this iteration only trains on everything: the campaign is over."""
        previous = self.store.iterations.get(self.name, iteration.index - 1)
        return previous is not None and previous.decision in ("converged", "budget")
