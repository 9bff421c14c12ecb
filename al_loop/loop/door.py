"""The door between labels and training: what is not believed goes into quarantine.

A label is looked at by itself when it comes in, and beside the others before a training set is
fixed. Both are done again, after a kill, with the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from al_loop.label import LabelOutcome
from al_loop.label.quality import Numbers, doubt, doubts_of_set
from al_loop.label.reference import ReferenceEnergies, fit_references
from al_loop.loop.context import Context
from al_loop.loop.judge import recount
from al_loop.loop.method import DECLARED
from al_loop.store import LabelNumbers, LabelRecord, LabelState
from al_loop.taxonomy import QUARANTINED, fault

_OF_SETS = ("energy-odd", "stress-missing")
"""Doubts that labels raise beside others. One that was quarantined for them is judged again."""


def at_the_door(ctx: Context, outcome: LabelOutcome, *, host: str, when: datetime) -> LabelRecord:
    """The bare label as it goes into the store: good, failed or in quarantine."""
    label = outcome.label
    state: LabelState = "ok" if label else "failed"
    reason, remedy, seen = outcome.reason, outcome.remedy, ""
    if label is None and reason in QUARANTINED:
        state, seen = "quarantined", outcome.detail
    elif label is not None and (found := doubt(label, ctx.spec.label.quality)):
        state, reason, seen = "quarantined", found.reason, found.detail
        remedy = fault(found.reason).remedy
    return LabelRecord(
        frame=outcome.frame,
        method=ctx.bare_method,
        state=state,
        energy=label.energy if label else None,
        forces=label.forces if label else None,
        virial=label.virial if label else None,
        reason=reason,
        detail=outcome.detail,
        remedy=remedy,
        doubt=seen,
        corrections=label.corrections if label else (),
        engine=ctx.spec.label.engine,
        seconds=outcome.seconds,
        cores=outcome.cores,
        host=host,
        when=when,
    )


def judge_together(ctx: Context, new: Iterable[str], *, beside: Iterable[str]) -> None:
    """Quarantine the labels of ``new`` frames that are odd beside one another and others.

    The others are trained on already and are not judged again. What a person has released is not
    judged either.
    """
    judged = set(new)
    known = ctx.store.labels.numbers(sorted(judged | set(beside)), ctx.method)
    counted = {f: one for f, one in known.items() if one.state == "ok" or one.reason in _OF_SETS}
    if not counted:
        return
    compositions = ctx.store.frames.compositions(counted)
    labels = {
        frame: Numbers(one.energy, compositions[frame], one.has_virial, _source(one))
        for frame, one in sorted(counted.items())
    }
    found = doubts_of_set(labels, _references(ctx, labels), ctx.spec.label.quality)
    odd = {f: found[f] for f in sorted(found.keys() & judged) if not counted[f].released}
    for frame, seen in odd.items():
        if ctx.store.labels.quarantine(frame, ctx.method, reason=seen.reason, doubt=seen.detail):
            ctx.event("label-quarantined", f"frame {frame[:12]}: {seen.detail} ({seen.reason})")
    for index in {where[0] for f in odd if (where := ctx.store.selections.first(ctx.name, f))}:
        recount(ctx, index)


def _source(label: LabelNumbers) -> str:
    """Who computed a label. Data sets of others may have a virial or none: that is no failure."""
    return f"{label.engine} {label.has_virial}" if label.engine == DECLARED else label.engine


def _references(ctx: Context, labels: dict[str, Numbers]) -> ReferenceEnergies:
    """The zero of energy: as the campaign gives it, or fitted; kept with the method.

    A fit to fewer compositions than an earlier one does not take its place.
    """
    method = ctx.store.methods.get(ctx.method)
    stored = (
        ReferenceEnergies.model_validate(method.references)
        if method and method.references
        else None
    )
    if given := ctx.spec.label.references:
        references = ReferenceEnergies(kind="isolated", energies=dict(given))
    else:
        references = fit_references(
            [one.composition for one in labels.values()],
            np.array([one.energy for one in labels.values()]),
        )
        if stored and (stored.kind == "isolated" or stored.rank > references.rank):
            return stored
    if references != stored:
        ctx.store.methods.put_references(ctx.method, references.model_dump(mode="json"))
    return references
