"""Collections that break one promise each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.hashing import digest
from al_loop.store import (
    CampaignRecord,
    Event,
    GlassMeasurement,
    GlassRecord,
    IterationRecord,
    JobRecord,
    LabelRecord,
    Method,
    ModelRecord,
    QuenchRecord,
    Selection,
    Stage,
    WalkRecord,
)
from al_loop.store.campaigns import Campaigns
from al_loop.store.events import Events
from al_loop.store.frames import Frames
from al_loop.store.glasses import Glasses
from al_loop.store.iterations import Iterations
from al_loop.store.jobs import Jobs
from al_loop.store.labels import Labels, LabelTally, to_document
from al_loop.store.methods import Methods
from al_loop.store.models import Models
from al_loop.store.quenches import Quenches
from al_loop.store.relabels import Relabels, Why
from al_loop.store.selections import Selections
from al_loop.store.training_sets import TrainingSets
from al_loop.store.walks import Walks


class Meeting:
    """Makes two threads meet between reading and writing; one that comes alone goes on."""

    def __init__(self) -> None:
        self._barrier = Barrier(2)

    def wait(self) -> None:
        try:
            self._barrier.wait(timeout=1)
        except BrokenBarrierError:
            self._barrier.reset()


def single(array: Any) -> Any:
    with np.errstate(over="ignore"):
        return None if array is None else np.asarray(array, dtype=np.float32)


# -- frames


class FramesInSinglePrecision(Frames):
    def get_many(self, hashes: Iterable[str]) -> dict[str, Atoms]:
        found = super().get_many(hashes)
        for atoms in found.values():
            atoms.positions[:] = single(atoms.positions)
        return found


class FramesInAnyOrder(Frames):
    def get_many(self, hashes: Iterable[str]) -> dict[str, Atoms]:
        return dict(reversed(super().get_many(hashes).items()))


class LastFrameWins(Frames):
    def put_many(self, frames: Mapping[str, Atoms]) -> None:
        self.table.delete({"_id": {"$in": list(frames)}})
        super().put_many(frames)


class FindsItsOwnHash(Frames):
    def put_many(self, frames: Mapping[str, Atoms]) -> None:
        super().put_many({frame_hash(atoms): atoms for atoms in frames.values()})


# -- labels


class LabelsInSinglePrecision(Labels):
    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        super().put_many(replace(one, forces=single(one.forces)) for one in labels)


class LabelsOfAnyMethod(Labels):
    def get_many(self, frames: Iterable[str], method: str) -> dict[str, LabelRecord]:
        return super().get_many(frames, "m")


class LastLabelWins(Labels):
    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        given = list(labels)
        for one in given:
            self.table.delete({"frame": one.frame, "method": one.method})
        super().put_many(given)


class StopsAtTheFirstDuplicate(Labels):
    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        given = list(labels)
        known = self.known([one.frame for one in given], "m")
        if not known:
            super().put_many(given)


class LastFailureWins(Labels):
    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        given = list(labels)
        for one in given:
            if one.state == "failed":
                self.table.delete({"frame": one.frame, "method": one.method})
        super().put_many(given)


class FailedForEver(Labels):
    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        super().put_many(one for one in labels if one.frame not in self.known([one.frame], "m"))


class ReleasesWhatIsNotThere(Labels):
    """A label without numbers is believed."""

    def release(self, frame: str, method: str) -> bool:
        query = {"_id": f"{frame}/{method}", "state": "quarantined"}
        return self.table.change(query, {"$set": {"state": "ok", "released": True, "reason": ""}})


class SettlesForAnyone(Labels):
    """A label that nobody waits for takes the place of another."""

    def settle_again(self, label: LabelRecord, campaign: str) -> None:
        self.table.replace_where([to_document(label)], {})


class LastRelabelWins(Relabels):
    def put_many(
        self, labels: Iterable[LabelRecord], *, campaign: str, iteration: int, why: Why
    ) -> None:
        self.table.delete({"campaign": campaign})
        super().put_many(labels, campaign=campaign, iteration=iteration, why=why)


class CountsGoodLabelsOnly(Labels):
    """What failed has cost nothing."""

    def tally(self, frames: Iterable[str], method: str) -> LabelTally:
        good = [frame for frame, state in self.states(frames, method).items() if state == "ok"]
        return super().tally(good, method)


class FreesFromQuarantine(Labels):
    def put_many(self, labels: Iterable[LabelRecord]) -> None:
        given = list(labels)
        for one in given:
            self.table.delete({"frame": one.frame, "state": "quarantined"})
        super().put_many(given)


# -- selections, methods, models, training sets, walks


class LastSelectionWins(Selections):
    def put_many(self, selections: Iterable[Selection]) -> None:
        for one in selections:
            self.table.delete({"campaign": one.campaign, "frame": one.frame})
            super().put_many([one])


class SelectionsInSinglePrecision(Selections):
    def put_many(self, selections: Iterable[Selection]) -> None:
        super().put_many(
            replace(s, predicted_forces=single(s.predicted_forces)) for s in selections
        )


class OneCampaignAFrame(Selections):
    def put_many(self, selections: Iterable[Selection]) -> None:
        for one in selections:
            if not self.table.count({"frame": one.frame}):
                super().put_many([one])


class RoundsFingerprints(Methods):
    def get(self, key: str) -> Method | None:
        found = super().get(key)
        rounded = {} if found is None else {k: str(v) for k, v in found.fingerprint.items()}
        return found and found.model_copy(update={"fingerprint": rounded})


class CutsNamesAtDots(Models):
    def put(self, record: ModelRecord) -> None:
        files = {name.partition(".")[0]: key for name, key in record.files.items()}
        super().put(record.model_copy(update={"files": files}))


class LastModelWins(Models):
    def put(self, record: ModelRecord) -> None:
        self.table.delete({"_id": record.id})
        super().put(record)


class KeepsTheOrderGiven(TrainingSets):
    def put(
        self,
        method: str,
        added: Iterable[str],
        *,
        parent: str | None = None,
        waiting: Iterable[str] = (),
    ) -> str:
        given = list(added)
        super().put(method, given, parent=parent, waiting=waiting)
        return digest([method, given])


class ForgetsTheMethod(TrainingSets):
    def put(
        self,
        method: str,
        added: Iterable[str],
        *,
        parent: str | None = None,
        waiting: Iterable[str] = (),
    ) -> str:
        return super().put("m", added, parent=parent, waiting=waiting)


class ForgetsWhoWaits(TrainingSets):
    def put(
        self,
        method: str,
        added: Iterable[str],
        *,
        parent: str | None = None,
        waiting: Iterable[str] = (),
    ) -> str:
        return super().put(method, added, parent=parent)


class ForgetsTheGrandparents(TrainingSets):
    def lineage(self, key: str) -> list[str]:
        return super().lineage(key)[-2:]


class WalksInSinglePrecision(Walks):
    def put_many(self, records: Iterable[WalkRecord]) -> None:
        super().put_many(
            replace(r, max_force_deviation=single(r.max_force_deviation)) for r in records
        )


class LastWalkWins(Walks):
    def put_many(self, records: Iterable[WalkRecord]) -> None:
        for one in records:
            self.table.delete({"walker": one.walker, "iteration": one.iteration})
            super().put_many([one])


# -- campaigns


class LastQuenchWins(Quenches):
    def put(self, key: str, record: QuenchRecord) -> None:
        self.table.delete({"_id": key})
        super().put(key, record)


class QuenchesInAnyOrder(Quenches):
    def get_many(self, keys: Iterable[str]) -> dict[str, QuenchRecord]:
        return super().get_many(sorted(keys))


class LastGlassWins(Glasses):
    def put(self, record: GlassRecord) -> None:
        self.table.delete({"_id": record.id})
        super().put(record)


class LastMeasured(Glasses):
    def measured(self, campaign: str, iteration: int) -> dict[str, GlassMeasurement]:
        query = {"campaign": campaign, "iteration": iteration, "kind": "measured"}
        found = self.table.find(query, sort=[("count", -1)])
        return {one["system"]: GlassMeasurement.model_validate(one) for one in found}


class PlansAgainForAll(Iterations):
    def plan_again(self, campaign: str, index: int, stage: Stage) -> bool:
        key = f"{campaign}/{index}"
        return self.table.change({"_id": key, "stage": stage}, {"$set": {"planned": False}})


class ForgetsTheSpec(Campaigns):
    def get(self, name: str) -> CampaignRecord | None:
        found = super().get(name)
        return found and found.model_copy(update={"spec": {}})


class CreatesAnew(Campaigns):
    def create(self, record: CampaignRecord) -> bool:
        self.table.delete({"_id": record.name})
        return super().create(record)


class LastEndWins(Campaigns):
    def set_state(self, name: str, *args: Any, **others: Any) -> None:
        self.table.change({"_id": name}, {"$set": {"state": "running"}})
        super().set_state(name, *args, **others)


class ChangesNothingInSilence(Campaigns):
    def set_state(self, name: str, *args: Any, **others: Any) -> None:
        if self.get(name) is not None:
            super().set_state(name, *args, **others)


class LeasesToAll(Campaigns):
    def lease(self, name: str, owner: str, seconds: float) -> bool:
        self.table.change({"_id": name}, {"$set": {"lease": None}})
        return super().lease(name, owner, seconds)


class LeasesForEver(Campaigns):
    def lease(self, name: str, owner: str, seconds: float) -> bool:
        return super().lease(name, owner, 3600)


class TakesBackFromAll(Campaigns):
    def release(self, name: str, owner: str) -> bool:
        return super().release(name, self.lease_owner(name) or owner)


# -- iterations


class OpensAnew(Iterations):
    def open(self, campaign: str, index: int, *args: Any, **others: Any) -> bool:
        self.table.delete({"campaign": campaign, "index": index})
        return super().open(campaign, index, *args, **others)


class OpensIfItSawNone(Iterations):
    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.meeting = Meeting()

    def open(self, campaign: str, index: int, *args: Any, **others: Any) -> bool:
        seen = self.get(campaign, index)
        self.meeting.wait()
        super().open(campaign, index, *args, **others)
        return seen is None


class MovesFromAnywhere(Iterations):
    def move(self, campaign: str, index: int, *, from_stage: Any, **others: Any) -> bool:
        found = self.get(campaign, index)
        at = from_stage if found is None or found.stage == others["to_stage"] else found.stage
        self.table.change({"campaign": campaign, "index": index}, {"$set": {"stage": at}})
        return super().move(campaign, index, from_stage=at, **others)


class MovesIfItSawTheStage(Iterations):
    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.meeting = Meeting()

    def move(self, campaign: str, index: int, *, from_stage: Any, **others: Any) -> bool:
        seen = self.get(campaign, index)
        self.meeting.wait()
        super().move(campaign, index, from_stage=from_stage, **others)
        return seen is not None and seen.stage == from_stage


class StaysPlanned(Iterations):
    def move(self, campaign: str, index: int, **others: Any) -> bool:
        seen = self.get(campaign, index)
        moved = super().move(campaign, index, **others)
        if seen is not None and seen.planned:
            self.table.change({"campaign": campaign, "index": index}, {"$set": {"planned": True}})
        return moved


class ReplacesWhatWasMeasured(Iterations):
    def record(self, campaign: str, index: int, **facts: Any) -> bool:
        self.table.change({"campaign": campaign, "index": index}, {"$set": {"seconds": {}}})
        return super().record(campaign, index, **facts)


class BeginsAtTheEnd(Iterations):
    def latest(self, campaign: str) -> IterationRecord | None:
        return next(iter(self.all(campaign)), None)


# -- jobs


class AlwaysDone(Jobs):
    def mark_done(self, key: str, **result: Any) -> bool:
        super().mark_done(key, **result)
        return True


class DoneIfItSawDue(Jobs):
    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.meeting = Meeting()

    def mark_done(self, key: str, **result: Any) -> bool:
        seen = self.get(key)
        self.meeting.wait()
        super().mark_done(key, **result)
        return seen is not None and seen.state == "due"


class CountsDoneJobsAsDue(Jobs):
    def count_due(self, campaign: str, iteration: int, stage: Any) -> int:
        return self.count(campaign, iteration, stage)


class NeverReopens(Jobs):
    def reopen(self, key: str) -> None:
        pass


class LastJobWins(Jobs):
    def put_many(self, jobs: Iterable[JobRecord]) -> None:
        for one in jobs:
            self.table.delete({"_id": one.id})
            super().put_many([one])


class ForgetsDoneJobs(Jobs):
    def put_many(self, jobs: Iterable[JobRecord]) -> None:
        for one in jobs:
            self.table.delete({"_id": one.id, "state": "done"})
            super().put_many([one])


# -- events


class EventsAsTheyCame(Events):
    def latest(self, campaign: str, n: int) -> list[Event]:
        found = self.table.find({"campaign": campaign}, sort=[("_id", 1)])
        return [Event.model_validate({**d, "data": {"n": 4, "nan": "nan"}}) for d in found][-n:]


class NewestFirst(Events):
    def latest(self, campaign: str, n: int) -> list[Event]:
        return super().latest(campaign, n)[::-1]


class EventsOfAll(Events):
    def latest(self, campaign: str, n: int) -> list[Event]:
        return super().latest("other", n)
