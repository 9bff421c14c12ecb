"""Models: the members of every committee, how they were made and how good they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field
from pymongo import IndexModel

from al_loop.hashing import canonical_json
from al_loop.store.record import Record, Text
from al_loop.store.table import Client, Document, Table


class ErrorSummary(Record):
    """Root-mean-square errors on ``frames`` frames; None where nothing could be compared.

    ``energy_rmse`` meV/atom, ``force_rmse`` eV/Å (per component), ``virial_rmse`` meV/atom.
    """

    frames: int
    energy_rmse: float | None = None
    force_rmse: float | None = None
    virial_rmse: float | None = None


class ModelRecord(Record):
    """A member of a committee. Key: campaign, iteration and member."""

    campaign: str
    iteration: int
    member: int
    seed: int
    parent: str | None = None
    """Key (``ModelRecord.id``) of the model from which it was started."""
    trainer: str
    options: dict[str, Any]
    training_set: str
    """Key of the labels that trained it, in ``training_sets``."""
    state: Literal["ok", "failed"]
    reason: Text = ""
    files: dict[str, str] = Field(default_factory=dict)
    """File name -> id in ``Store.files``."""
    model: str = ""
    """Name, among ``files``, of the one to explore with."""
    restart: tuple[str, ...] = ()
    """Names, among ``files``, of those from which a successor starts."""
    valid_errors: ErrorSummary | None = None
    test_errors: ErrorSummary | None = None
    final_test_errors: ErrorSummary | None = None
    """On all test frames that the campaign had at its end."""
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """Key of this model."""
        return f"{self.campaign}/{self.iteration}/{self.member}"


@dataclass(frozen=True)
class Trained:
    """A model, and the key of the labels that trained it."""

    campaign: str
    iteration: int
    member: int
    training_set: str


def _to_document(record: ModelRecord) -> Document:
    # Names of files hold dots, and options may: neither becomes a key of the document.
    files = [{"name": name, "id": key} for name, key in sorted(record.files.items())]
    body = {**record.to_document(), "files": files, "options": canonical_json(record.options)}
    return {"_id": record.id, **body}


def _from_document(document: Document) -> ModelRecord:
    files = {entry["name"]: entry["id"] for entry in document["files"]}
    options = json.loads(document["options"])
    return ModelRecord.model_validate({**document, "files": files, "options": options})


class Models:
    """Collection ``models``."""

    def __init__(self, client: Client) -> None:
        order = IndexModel([("campaign", 1), ("iteration", 1), ("member", 1)])
        users = [IndexModel("files.id"), IndexModel("training_set")]
        state = IndexModel([("campaign", 1), ("state", 1)])
        family = IndexModel("parent", sparse=True)
        self.table = Table(client, "models", indexes=[order, state, family, *users])

    def put(self, record: ModelRecord) -> None:
        """Store a model. The first ok one stays; it replaces a failed one, never the reverse."""
        document = _to_document(record)
        self.table.insert_absent([document])
        if record.state == "ok":
            self.table.replace_where([document], {"state": "failed"})

    def get(self, key: str) -> ModelRecord | None:
        """The model under this key."""
        document = self.table.get(key)
        return None if document is None else _from_document(document)

    def of_iteration(self, campaign: str, iteration: int) -> list[ModelRecord]:
        """The committee of an iteration, in the order of its members."""
        return self._find({"campaign": campaign, "iteration": iteration})

    def of_campaign(self, campaign: str) -> list[ModelRecord]:
        """All models of a campaign, by iteration and member."""
        return self._find({"campaign": campaign})

    def children(self, key: str) -> list[str]:
        """Keys of the models that were started from this one."""
        found = self.table.find({"parent": key}, fields={"_id": 1}, sort=[("_id", 1)])
        return [d["_id"] for d in found]

    def trained_on(self, sets: Iterable[str]) -> list[Trained]:
        """Models that trained on one of these sets, by campaign, iteration and member."""
        names = ("campaign", "iteration", "member", "training_set")
        found = self.table.find(
            {"training_set": {"$in": sorted(sets)}},
            fields={"_id": 0, **dict.fromkeys(names, 1)},
            sort=[("campaign", 1), ("iteration", 1), ("member", 1)],
        )
        return [Trained(**d) for d in found]

    def training_sets(self, campaign: str) -> dict[int, str]:
        """Iteration -> key of the labels that trained its committee."""
        fields = {"_id": 0, "iteration": 1, "training_set": 1}
        found = self.table.find({"campaign": campaign}, fields=fields)
        return {d["iteration"]: d["training_set"] for d in found}

    def failed(self, campaign: str) -> dict[str, int]:
        """Number of members of a campaign that could not be trained, per reason."""
        mine = {"campaign": campaign, "state": "failed"}
        counted = {"_id": "$reason", "count": {"$sum": 1}}
        found = self.table.aggregate([{"$match": mine}, {"$group": counted}])
        return {d["_id"]: d["count"] for d in found}

    def _find(self, query: Mapping[str, Any]) -> list[ModelRecord]:
        found = self.table.find(query, sort=[("campaign", 1), ("iteration", 1), ("member", 1)])
        return [_from_document(document) for document in found]

    def set_final_errors(self, key: str, errors: ErrorSummary) -> bool:
        """Record the errors on the campaign's last test set; False when there is no such model."""
        return self.table.change(
            {"_id": key}, {"$set": {"final_test_errors": errors.to_document()}}
        )
