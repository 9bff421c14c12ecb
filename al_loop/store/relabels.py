"""Labels of frames that had one: computed again to know their noise, or because one was doubted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pymongo import IndexModel

from al_loop.store.labels import LabelRecord, from_document, to_document
from al_loop.store.table import Client, Document, Table

Why = Literal["noise", "asked", "before"]
"""noise: to know by how much two computations of one label differ; asked: a person doubted the
first one; before: the one that was doubted, and gave way."""


class Relabels:
    """Collection ``relabels``. Key: campaign, iteration, why, frame and method.

    Fields: those of a label, ``campaign`` and ``why`` (noise, asked or before).
    """

    def __init__(self, client: Client) -> None:
        index = IndexModel([("campaign", 1), ("why", 1), ("method", 1)])
        self.table = Table(client, "relabels", indexes=[index])

    def put_many(
        self, labels: Iterable[LabelRecord], *, campaign: str, iteration: int, why: Why
    ) -> None:
        """Store labels; those that are there already stay."""
        documents: list[Document] = []
        for label in labels:
            document = to_document(label)
            document["_id"] = f"{campaign}/{iteration}/{why}/{document['_id']}"
            documents.append({**document, "campaign": campaign, "why": why})
        self.table.insert_absent(documents)

    def of_campaign(self, campaign: str, method: str, why: Why) -> list[LabelRecord]:
        """What a campaign has computed again, and why; by frame."""
        query = {"campaign": campaign, "why": why, "method": method}
        return [from_document(d) for d in self.table.find(query, sort=[("frame", 1)])]
