"""Selections: which frames a campaign chose to label, when, from where and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pymongo import IndexModel

from al_loop.frame import Split
from al_loop.store.arrays import pack_floats, unpack
from al_loop.store.table import Client, Document, Table
from al_loop.units import Array

Chosen = Literal["initial", "candidate", "audit", "imported"]

IMPORTED = -1
"""What stands for the iteration of frames that came with their labels from elsewhere."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """A frame that a campaign chose. Key: campaign and frame.

    ``temperature`` K, ``pressure`` GPa and ``density`` g/cm3 are those of the sample;
    ``deviation`` is its maximum force deviation, eV/Å; ``predicted_forces`` (atoms, 3), eV/Å,
    are the leader's when it was chosen; ``atom_deviations`` (atoms,) the committee's, eV/Å.
    """

    campaign: str
    frame: str
    iteration: int
    chosen: Chosen
    split: Split
    source: str
    """Name of the starting structure or of the walker."""
    step: int | None = None
    temperature: float | None = None
    pressure: float | None = None
    density: float | None = None
    deviation: float | None = None
    predicted_forces: Array | None = field(default=None, repr=False)
    atom_deviations: Array | None = field(default=None, repr=False)
    suspicion: dict[str, float] | None = None
    """``iteration`` whose committee last found its label an outlier after training, and by how much
    (``al_loop.train.suspects.Suspicion``)."""
    dropped: bool = False
    """No longer wanted: a later committee was sure of it before it was labelled."""
    group: str = ""
    """Composition and exploration stage: what trust levels are calibrated by."""
    stands_for: float | None = None
    """Samples of its group and kind (candidate, audit) per frame that was chosen of them."""
    error: float | None = None
    largest_force: float | None = None
    """Once it is labelled: largest error of a predicted force, largest force; eV/Å."""
    environment: dict[str, Any] | None = None
    """The atom on which the committee disagreed most, and its neighbours
    (``al_loop.select.environment.Environment``)."""


@dataclass(frozen=True)
class Covered:
    """Frames that were chosen alike: how many, and one of them.

    ``temperature`` (K) and ``density`` (g/cm3) are the middles of bins; None where not known.
    """

    group: str
    source: str
    """Only where there is no group: the starting structure, or the imported set."""
    chosen: Chosen
    temperature: float | None
    density: float | None
    frames: int
    example: str


_FLOATS = (
    "temperature",
    "pressure",
    "density",
    "deviation",
    "stands_for",
    "error",
    "largest_force",
)
_NAMES = tuple(f.name for f in fields(Selection))
_ARRAYS = ("predicted_forces", "atom_deviations")
_LIGHT = dict.fromkeys(_ARRAYS, 0)


def _to_document(selection: Selection) -> Document:
    document: Document = {name: getattr(selection, name) for name in _NAMES}
    for name in _FLOATS:
        if document[name] is not None:
            document[name] = float(document[name])
    document["iteration"] = int(selection.iteration)
    document["step"] = None if selection.step is None else int(selection.step)
    for name in _ARRAYS:
        if document[name] is not None:
            document[name] = pack_floats(document[name], what=name)
    return {"_id": f"{selection.campaign}/{selection.frame}", **document}


def _from_document(document: Document) -> Selection:
    values: dict[str, Any] = {name: document.get(name) for name in _NAMES}
    values["dropped"] = bool(values["dropped"])
    values["group"] = values["group"] or ""
    for name in _ARRAYS:
        if values[name] is not None:
            values[name] = unpack(values[name])
    return Selection(**values)


class Selections:
    """Collection ``selections``."""

    def __init__(self, client: Client) -> None:
        index = IndexModel([("campaign", 1), ("iteration", 1), ("frame", 1), ("chosen", 1)])
        gone = IndexModel(
            [("campaign", 1), ("dropped", 1)], partialFilterExpression={"dropped": True}
        )
        suspect = IndexModel(
            [("campaign", 1), ("suspicion.iteration", 1)],
            partialFilterExpression={"suspicion.iteration": {"$exists": True}},
        )
        # All that coverage asks for: no document is read.
        names = ("campaign", "group", "source", "chosen", "temperature", "density", "frame")
        cover = IndexModel([(name, 1) for name in names])
        self.table = Table(client, "selections", indexes=[index, gone, suspect, cover])

    def put_many(self, selections: Iterable[Selection]) -> None:
        """Store selections; one that is there for this campaign and frame stays as it is."""
        self.table.insert_absent(_to_document(selection) for selection in selections)

    def of_iteration(self, campaign: str, iteration: int) -> list[Selection]:
        """What an iteration chose, in the order of the frames' hashes."""
        query = {"campaign": campaign, "iteration": iteration}
        return [_from_document(d) for d in self.table.find(query, sort=[("frame", 1)])]

    def of_campaign(self, campaign: str, *, with_forces: bool = True) -> list[Selection]:
        """All that a campaign chose, by iteration and hash; without forces it is light."""
        order = [("iteration", 1), ("frame", 1)]
        left_out = None if with_forces else _LIGHT
        found = self.table.find({"campaign": campaign}, fields=left_out, sort=order)
        return [_from_document(d) for d in found]

    def get_many(self, campaign: str, frames: Iterable[str]) -> list[Selection]:
        """What a campaign chose among ``frames``, without forces, by iteration and hash."""
        keys = (f"{campaign}/{frame}" for frame in frames)
        found = self.table.find_keys(keys, fields=_LIGHT)
        chosen = [_from_document(document) for document in found]
        return sorted(chosen, key=lambda one: (one.iteration, one.frame))

    def count(self, campaign: str) -> int:
        """Number of frames that a campaign chose to label and still wants."""
        all_of_them = self.table.count({"campaign": campaign}) - self.count_imported(campaign)
        return all_of_them - self.table.count({"campaign": campaign, "dropped": True})

    def count_chosen(self, campaign: str, iteration: int, chosen: Chosen) -> int:
        """Number of frames that an iteration chose for this reason; read from an index."""
        query = {"campaign": campaign, "iteration": iteration, "chosen": chosen}
        return self.table.count(query)

    def count_imported(self, campaign: str) -> int:
        """Number of frames that came with their labels from elsewhere."""
        return self.table.count({"campaign": campaign, "iteration": IMPORTED})

    def hashes(self, campaign: str, iteration: int | None = None) -> set[str]:
        """Hashes of the frames that a campaign (or one iteration of it) chose."""
        query: Document = {"campaign": campaign}
        if iteration is not None:
            query["iteration"] = iteration
        return {d["frame"] for d in self.table.find(query, fields={"_id": 0, "frame": 1})}

    def first(self, campaign: str, frame: str) -> tuple[int, Chosen] | None:
        """Iteration that chose a frame, and why; None when the campaign has not chosen it."""
        fields = {"iteration": 1, "chosen": 1}
        found = self.table.find({"_id": f"{campaign}/{frame}"}, fields=fields, limit=1)
        return (found[0]["iteration"], found[0]["chosen"]) if found else None

    def known(self, campaign: str, frames: Iterable[str]) -> set[str]:
        """Which of ``frames`` a campaign chose."""
        keys = (f"{campaign}/{frame}" for frame in frames)
        # The keys alone are in the index: no document is read.
        found = self.table.find_keys(keys, fields={"_id": 1})
        return {d["_id"].rpartition("/")[2] for d in found}

    def reasons(self, campaign: str, iteration: int) -> dict[str, Chosen]:
        """Frame -> why an iteration chose it, in the order of the hashes."""
        query = {"campaign": campaign, "iteration": iteration}
        fields = {"_id": 0, "frame": 1, "chosen": 1}
        found = self.table.find(query, fields=fields, sort=[("frame", 1)])
        return {d["frame"]: d["chosen"] for d in found}

    def light(self, campaign: str, iteration: int) -> list[Selection]:
        """What an iteration chose, without arrays, in the order of the frames' hashes."""
        query = {"campaign": campaign, "iteration": iteration}
        found = self.table.find(query, fields=_LIGHT, sort=[("frame", 1)])
        return [_from_document(document) for document in found]

    def whole(self, campaign: str, frame: str) -> Selection | None:
        """How a campaign chose a frame, with arrays; None when it has not."""
        document = self.table.get(f"{campaign}/{frame}")
        return None if document is None else _from_document(document)

    def of_frame(self, campaigns: Iterable[str], frame: str) -> list[Selection]:
        """How these campaigns chose a frame, without arrays."""
        keys = (f"{campaign}/{frame}" for campaign in campaigns)
        found = self.table.find_keys(keys, fields=_LIGHT)
        return sorted((_from_document(d) for d in found), key=lambda one: one.campaign)

    def chosen_in(self, campaign: str) -> dict[str, int]:
        """Frame -> iteration that chose it, of a whole campaign."""
        fields = {"_id": 0, "frame": 1, "iteration": 1}
        found = self.table.find({"campaign": campaign}, fields=fields)
        return {d["frame"]: d["iteration"] for d in found}

    def coverage(self, campaign: str, *, kelvin: float, density: float) -> list[Covered]:
        """How many frames a campaign chose, by group, temperature and density; in bins this wide.

        ``kelvin`` K and ``density`` g/cm3. Answered from an index.
        """

        def binned(name: str, width: float) -> Document:
            return {"$multiply": [{"$round": {"$divide": [f"${name}", width]}}, width]}

        key = {
            "group": "$group",
            "source": {"$cond": [{"$eq": ["$group", ""]}, "$source", ""]},
            "chosen": "$chosen",
            "temperature": binned("temperature", kelvin),
            "density": binned("density", density),
        }
        counted: Document = {
            "_id": key,
            "frames": {"$sum": 1},
            "example": {"$min": "$frame"},
        }
        names = ("group", "source", "chosen", "temperature", "density", "frame")
        seen = {"_id": 0, **dict.fromkeys(names, 1)}
        pipeline: list[Mapping[str, Any]] = [
            {"$match": {"campaign": campaign}},
            {"$project": seen},
            {"$group": counted},
            {"$sort": {"_id": 1}},
        ]
        found = self.table.aggregate(pipeline)
        return [Covered(**d["_id"], frames=d["frames"], example=d["example"]) for d in found]

    def suspect(
        self, campaign: str, iteration: int, found: Mapping[str, Mapping[str, float]]
    ) -> None:
        """Say on which labels the committee of an iteration stayed far off, and how far."""
        for frame, how in found.items():
            suspicion = {**how, "iteration": iteration}
            self.table.change({"_id": f"{campaign}/{frame}"}, {"$set": {"suspicion": suspicion}})

    def suspects(self, campaign: str, iteration: int) -> list[Selection]:
        """Frames whose labels were outliers after the training of an iteration, without forces."""
        query = {"campaign": campaign, "suspicion.iteration": iteration}
        found = self.table.find(query, fields=_LIGHT, sort=[("frame", 1)])
        return [_from_document(document) for document in found]

    def set_errors(self, campaign: str, found: Mapping[str, tuple[float, float] | None]) -> None:
        """Frame -> largest error and largest force (eV/Å) by its label; None: none is believed."""
        for frame, pair in found.items():
            error, force = (None, None) if pair is None else (float(pair[0]), float(pair[1]))
            change = {"$set": {"error": error, "largest_force": force}}
            self.table.change({"_id": f"{campaign}/{frame}"}, change)

    def evidence(self, campaign: str, *, before: int, limit: int) -> list[Selection]:
        """The latest frames, at most ``limit``, that iterations before this one labelled.

        With the committee's deviation and the error that the label showed; without forces; the
        oldest first.
        """
        query = {
            "campaign": campaign,
            "iteration": {"$gte": 0, "$lt": before},
            "error": {"$ne": None},
        }
        order = [("campaign", -1), ("iteration", -1), ("frame", -1), ("chosen", -1)]
        found = self.table.find(query, fields=_LIGHT, sort=order, limit=limit)
        return [_from_document(document) for document in reversed(found)]

    def drop(self, campaign: str, frames: Iterable[str]) -> None:
        """Say that frames are no longer wanted."""
        for frame in frames:
            self.table.change({"_id": f"{campaign}/{frame}"}, {"$set": {"dropped": True}})

    def dropped(self, campaign: str, frames: Iterable[str]) -> set[str]:
        """Which of ``frames`` are no longer wanted."""
        keys = (f"{campaign}/{frame}" for frame in frames)
        found = self.table.find_keys(keys, query={"dropped": True}, fields={"frame": 1})
        return {d["frame"] for d in found}
