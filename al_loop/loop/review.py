"""A person looks at labels: what is in quarantine, and the verdict on it.

``by`` is who said so, for the events; empty: the user of this process.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from al_loop.errors import UserError
from al_loop.loop.context import Context
from al_loop.loop.judge import recount
from al_loop.store import CampaignRecord, LabelRecord, Selection
from al_loop.taxonomy import fault

_WHOLE, _SHORTEST = 64, 6
"""Characters of a frame's hash: all, and those that may stand for it, if they suffice."""


class LabelStatus(BaseModel):
    """A label that somebody should look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: str
    iteration: int
    source: str
    """Starting structure or walker that the frame is from."""
    state: Literal["failed", "quarantined", "suspect"]
    reason: str
    seen: str
    remedy: str
    energy: float | None
    """eV; None where the engine gave none."""


def review(ctx: Context) -> list[LabelStatus]:
    """Labels that are in quarantine, have failed, or are outliers after the latest training.

    By state, iteration and reason. A label that a person has released is no suspect any more.
    """
    labels = ctx.store.labels
    reasons = {**labels.quarantined(ctx.method), **labels.failed(ctx.method)}
    mine = ctx.store.selections.get_many(ctx.name, reasons)
    suspects = _suspects(ctx)
    found = ctx.labels_of(selection.frame for selection in (*mine, *suspects))
    rows = [_status(found[one.frame], one) for one in mine if one.frame in found]
    rows += [
        _suspect(found[one.frame], one)
        for one in suspects
        if one.frame in found and found[one.frame].state == "ok" and not found[one.frame].released
    ]
    return sorted(rows, key=lambda row: (row.state, row.iteration, row.reason, row.frame))


def _suspects(ctx: Context) -> list[Selection]:
    """Of the latest training that is over."""
    latest = ctx.store.iterations.latest(ctx.name)
    if latest is None:
        return []
    trained = latest.index if latest.test_errors else latest.index - 1
    return ctx.store.selections.suspects(ctx.name, trained)


def _status(label: LabelRecord, selection: Selection) -> LabelStatus:
    assert label.state != "ok"  # asked for by its state
    return LabelStatus(
        frame=label.frame,
        iteration=selection.iteration,
        source=selection.source,
        state=label.state,
        reason=label.reason,
        seen=label.doubt or label.detail,
        remedy=fault(label.reason).remedy,
        energy=label.energy,
    )


def _suspect(label: LabelRecord, selection: Selection) -> LabelStatus:
    how = selection.suspicion
    assert how is not None  # asked for
    return LabelStatus(
        frame=label.frame,
        iteration=selection.iteration,
        source=selection.source,
        state="suspect",
        reason="committee-outlier",
        seen=f"off by {how['force_error']:.3g} eV/Å and {1000 * how['energy_error']:+.3g} "
        f"meV/atom: {how['force_ratio']:.1f} and {how['energy_ratio']:.1f} times the usual",
        remedy=fault("committee-outlier").remedy,
        energy=label.energy,
    )


def release(
    ctx: Context, frames: Sequence[str], *, reason: str | None = None, by: str = ""
) -> list[str]:
    """Believe labels from now on: those of ``frames``, and all quarantined for ``reason``.

    They join the next training. Returns the frames.

    Raises
    ------
    UserError
        A frame is not in quarantine, or its label has no numbers. Nothing is changed then.
    """
    wanted = set(find_frames(ctx, frames))
    labels = ctx.labels_of(wanted)
    for frame in sorted(wanted):
        label = labels.get(frame)
        if label is None or label.state != "quarantined" or label.energy is None:
            state = "has no label" if label is None else f"is {label.state}"
            numbers = label is not None and label.state == "quarantined"
            raise UserError(
                f"frame {frame[:12]} {'has no numbers' if numbers else state}: there is nothing "
                "to release",
                remedy=f"`al-loop labels review {ctx.name}` lists what is in quarantine",
            )
    if reason is not None:
        doubted = {
            f for f, why in ctx.store.labels.quarantined(ctx.method).items() if why == reason
        }
        wanted |= ctx.store.selections.known(ctx.name, doubted)
    released = [f for f in sorted(wanted) if _release(ctx, f)]
    _tell(ctx, released, "label-released", f"believed by {by or getpass.getuser()}")
    return released


def quarantine(ctx: Context, frames: Sequence[str], *, why: str, by: str = "") -> list[str]:
    """Keep good labels out of the next training; the frames of those that were good."""
    who = by or getpass.getuser()
    taken = [
        frame for frame in find_frames(ctx, frames) if _quarantine(ctx, frame, f"{who}: {why}")
    ]
    _tell(ctx, taken, "label-quarantined", f"{why} (by-hand, {who})")
    return taken


def computes(campaign: CampaignRecord) -> bool:
    """Whether a campaign will have another label stage, as far as is known now."""
    return campaign.state in ("running", "paused")


def rerun(
    ctx: Context, frames: Sequence[str], *, reason: str | None = None, by: str = ""
) -> list[str]:
    """Have labels computed again in the next label stage: of ``frames``, and all with a reason.

    A good label goes into quarantine until then. Returns the frames.

    Raises
    ------
    UserError
        A frame has no label yet, or the campaign computes nothing any more. Nothing is changed.
    """
    if not computes(ctx.record):
        raise UserError(
            f"campaign {ctx.name} is {ctx.record.state}: it computes nothing any more",
            remedy="give it something to do first (`al-loop amend FILE`, `al-loop resume`)",
        )
    wanted = set(find_frames(ctx, frames))
    if missing := wanted - ctx.labels_of(wanted).keys():
        raise UserError(
            f"frame {min(missing)[:12]} has no label yet", remedy="none is needed: it will get one"
        )
    if reason is not None:
        labels = ctx.store.labels
        reasons = {**labels.quarantined(ctx.method), **labels.failed(ctx.method)}
        same = {frame for frame, why in reasons.items() if why == reason}
        wanted |= ctx.store.selections.known(ctx.name, same)
    who = by or getpass.getuser()
    for frame in sorted(wanted):
        _quarantine(ctx, frame, f"{who}: computed again")
        for method in ctx.methods:
            ctx.store.labels.ask_again(frame, method, ctx.name)
    _tell(ctx, sorted(wanted), "label-again", f"is computed again, asked by {who}")
    return sorted(wanted)


def _release(ctx: Context, frame: str) -> bool:
    """Whether a label was in quarantine until now."""
    done = [ctx.store.labels.release(frame, method) for method in ctx.methods]
    return any(done)


def _quarantine(ctx: Context, frame: str, doubt: str) -> bool:
    """Whether a label was good until now."""
    labels = ctx.store.labels
    taken = [
        labels.quarantine(frame, method, reason="by-hand", doubt=doubt) for method in ctx.methods
    ]
    return any(taken)


def find_frames(ctx: Context, names: Iterable[str]) -> list[str]:
    """Hashes of a campaign's frames from their first characters, sorted.

    Raises
    ------
    UserError
        None of its frames, or several, begin so.
    """
    asked = list(names)
    whole = ctx.store.selections.known(ctx.name, (one for one in asked if len(one) == _WHOLE))
    mine = (
        whole if whole.issuperset(asked) else ctx.store.selections.hashes(ctx.name)
    )  # all: seconds, perhaps
    found: set[str] = set()
    for name in asked:
        fits = [frame for frame in mine if frame.startswith(name)]
        if len(name) < _SHORTEST or len(fits) != 1:
            number = "too short" if len(name) < _SHORTEST else f"{len(fits) or 'no'} frames"
            raise UserError(
                f"{name!r} does not name one frame of campaign {ctx.name}: {number}",
                remedy=f"give the first {_SHORTEST} characters or more, as `al-loop labels review "
                f"{ctx.name}` shows them",
            )
        found.update(fits)
    return sorted(found)


def _tell(ctx: Context, frames: Sequence[str], kind: str, words: str) -> None:
    for frame in frames:
        ctx.event(kind, f"frame {frame[:12]}: {words}")
    chosen = ctx.store.selections.get_many(ctx.name, frames)
    for index in sorted({selection.iteration for selection in chosen}):
        recount(ctx, index)
