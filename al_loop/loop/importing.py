"""Labels from elsewhere: into the store, and into a campaign's training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from itertools import islice

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict

from al_loop.errors import DatasetError, MethodMismatch
from al_loop.exchange import Found
from al_loop.frame import Labelled, check_labelled, frame_hash, in_order_of
from al_loop.hashing import canonical_json
from al_loop.label import Label
from al_loop.label.quality import doubt
from al_loop.loop.context import Context
from al_loop.loop.method import DECLARED, declared, derive_labels
from al_loop.store import IMPORTED, LabelRecord, Selection
from al_loop.taxonomy import fault
from al_loop.units import density

OWN = "campaign"
"""Name by which a person vouches that labels are by the campaign's own labeller."""

_BATCH = 500
_SAME = 1.0e-6
"""Largest difference of numbers (eV, eV/Å) that files with fewer digits may show."""


class Refused(BaseModel):
    """A frame that was not taken, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    reason: str


class ImportReport(BaseModel):
    """What became of a data set. ``new`` labels include the ``quarantined`` ones."""

    model_config = ConfigDict(extra="forbid")

    campaign: str
    method: str
    fingerprint: dict[str, str | int | float | bool]
    new: int = 0
    already_there: int = 0
    quarantined: int = 0
    refused: list[Refused] = []


def import_labels(ctx: Context, found: Iterable[Found], *, method: str) -> ImportReport:
    """Take labels by a method, the campaign's own or a declared one, into store and campaign.

    They join the next training and cost no label budget. Doing it again, also after a kill,
    changes nothing that was done.

    Raises
    ------
    MethodMismatch
        The campaign does not take labels by this method.
    """
    one = _Import(ctx, method)
    frames = iter(found)
    while batch := list(islice(frames, _BATCH)):
        one.take(batch)
    return one.report


def take_back(ctx: Context) -> int:
    """Take the good labels that the store has by the campaign's methods into it; how many.

    For a campaign that was deleted and made again: frames and labels have stayed.
    """
    ctx.declare_method()
    before = ctx.store.selections.count_imported(ctx.name)
    for method in ctx.methods:
        frames = iter(ctx.store.labels.frames(method))
        while batch := list(islice(frames, _BATCH)):
            compositions = ctx.store.frames.compositions(batch)
            mine = [f for f in batch if set(compositions[f]) <= set(ctx.spec.elements)]
            derive_labels(ctx, mine)
            _choose(ctx, ctx.store.frames.get_many(mine), source="database")
    return ctx.store.selections.count_imported(ctx.name) - before


class _Import:
    """One data set on its way in."""

    def __init__(self, ctx: Context, method: str) -> None:
        self._ctx = ctx
        self._name = method
        if method == OWN:
            self._method, fingerprint = ctx.bare_method, dict(ctx.labeller.fingerprint())
            self._engine = ctx.spec.label.engine
        else:
            _insist_on_declared(ctx, method)
            named = declared(method)
            self._method, fingerprint, self._engine = named.id, named.fingerprint, DECLARED
        ctx.declare_method()
        self.report = ImportReport(campaign=ctx.name, method=method, fingerprint=fingerprint)

    def take(self, batch: list[Found]) -> None:
        """Bring a batch in; selections last, so that what is cut short is done again."""
        good = dict(self._checked(batch))
        store = self._ctx.store
        frames = {key: label.atoms for key, (_, label) in good.items()}
        stored = store.frames.get_many(frames)
        frames.update(stored)
        known = store.labels.get_many(good, self._method)
        new: list[LabelRecord] = []
        taken: dict[str, Atoms] = {}
        for key, (where, label) in good.items():
            record = self._record(key, _as_stored(label, frames[key]))
            there = known.get(key)
            if there is not None and there.state == "quarantined" and there.energy is None:
                self._refuse(where, f"its label is in quarantine, without numbers ({there.reason})")
                continue
            if there is not None and there.energy is not None and not _same(there, record):
                self._refuse(where, "there is a label with other numbers by this method already")
                continue
            taken[key] = frames[key]
            if there is not None and there.energy is not None:
                self.report.already_there += 1
            else:
                new.append(record)
        self.report.new += len(new)
        self.report.quarantined += sum(one.state == "quarantined" for one in new)
        store.frames.put_many({key: a for key, a in taken.items() if key not in stored})
        store.labels.put_many(new)
        derive_labels(self._ctx, taken)
        _choose(self._ctx, taken, source=f"import {self._name}")

    def _checked(self, batch: list[Found]) -> Iterator[tuple[str, tuple[str, Labelled]]]:
        """Frames that can be taken, by their hashes; the first of several that are the same."""
        seen: dict[str, Labelled] = {}
        for one in batch:
            try:
                label = self._check(one)
                key = frame_hash(label.atoms)
            except DatasetError as error:
                self._refuse(one.where, error.what)
                continue
            if key not in seen:
                seen[key] = label
                yield key, (one.where, label)
            elif _same(
                self._record(key, seen[key]), self._record(key, _as_stored(label, seen[key].atoms))
            ):
                self.report.already_there += 1
            else:
                self._refuse(one.where, "the same frame stands before it, with other numbers")

    def _check(self, found: Found) -> Labelled:
        """The label of a frame that this campaign can use; DatasetError says why it cannot."""
        label = found.label
        if label is None:
            raise DatasetError(found.reason)
        if not len(label.atoms):
            raise DatasetError("there are no atoms")
        if strange := set(label.atoms.symbols) - set(self._ctx.spec.elements):
            raise DatasetError(f"{', '.join(sorted(strange))} is not among the campaign's elements")
        if not label.atoms.pbc.all() or abs(np.linalg.det(label.atoms.cell.array)) < 1e-3:
            raise DatasetError("it is not periodic in three directions, in a cell with a volume")
        check_labelled(label, where=found.where)
        return label

    def _record(self, key: str, label: Labelled) -> LabelRecord:
        """The label as it goes into the store: good, or in quarantine."""
        odd = doubt(Label(label.energy, label.forces, label.virial), self._ctx.spec.label.quality)
        return LabelRecord(
            frame=key,
            method=self._method,
            state="quarantined" if odd else "ok",
            energy=label.energy,
            forces=label.forces,
            virial=label.virial,
            reason=odd.reason if odd else "",
            doubt=odd.detail if odd else "",
            remedy=fault(odd.reason).remedy if odd else "",
            detail=f"imported, method {self._name}",
            engine=self._engine,
            seconds=0.0,
            cores=1,
            host="",
            when=datetime.now(timezone.utc),
        )

    def _refuse(self, where: str, reason: str) -> None:
        self.report.refused.append(Refused(where=where, reason=reason))


def _insist_on_declared(ctx: Context, method: str) -> None:
    if method not in ctx.spec.label.declared:
        raise MethodMismatch(
            "labels of two methods would be mixed:\n"
            f"  the campaign's {canonical_json(ctx.fingerprint)}\n"
            f"  the import's   {canonical_json(declared(method).fingerprint)}",
            where=ctx.name,
            remedy=f"if they are by the campaign's own labeller: --method {OWN}. To train on both: "
            f"`label: {{declared: [{method}]}}` in a campaign of another name (frames that have a "
            "label are not labelled again)",
        )


def _choose(ctx: Context, frames: dict[str, Atoms], *, source: str) -> None:
    """Frames that the campaign has chosen itself stay as they are."""
    ctx.store.selections.put_many(
        Selection(
            campaign=ctx.name,
            frame=key,
            iteration=IMPORTED,
            chosen="imported",
            split=ctx.split(key),
            source=source,
            density=density(atoms),
        )
        for key, atoms in frames.items()
    )


def _as_stored(label: Labelled, stored: Atoms) -> Labelled:
    """The label with its forces in the order of the frame that is stored."""
    if label.atoms is stored:
        return label
    forces = in_order_of(label.forces, given=label.atoms, wanted=stored)
    return Labelled(stored, label.energy, forces, label.virial)


def _same(a: LabelRecord, b: LabelRecord) -> bool:
    """Whether two labels of one frame say the same; a virial may be missing in one of them."""
    assert a.energy is not None and b.energy is not None
    assert a.forces is not None and b.forces is not None
    virials = a.virial is None or b.virial is None or _close(a.virial, b.virial)
    return abs(a.energy - b.energy) <= _SAME and _close(a.forces, b.forces) and virials


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=_SAME))
