"""Errors on frames that a committee had not trained on, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

from al_loop.loop.context import Context
from al_loop.loop.second_look import frames_in_order
from al_loop.loop.stages.train import leader_of
from al_loop.train import FRAME_ERRORS, FrameErrors, read_frame_errors


@dataclass(frozen=True)
class HeldOut:
    """Errors of a committee's members on the test frames of its training set.

    ``frames`` are their hashes, in the order of the arrays; ``leader`` is the index of the member
    that explores and is exported.
    """

    iteration: int
    frames: tuple[str, ...]
    members: tuple[FrameErrors, ...]
    leader: int


def held_out(ctx: Context, iteration: int) -> HeldOut | None:
    """Errors of the committee of an iteration on its test frames.

    None when there is no committee, or one without errors by frame.
    """
    good = [m for m in ctx.store.models.of_iteration(ctx.name, iteration) if m.state == "ok"]
    known = [m for m in good if FRAME_ERRORS in m.files]
    if not known:
        return None
    read = [read_frame_errors(ctx.store.files.get_bytes(m.files[FRAME_ERRORS])) for m in known]
    return HeldOut(
        iteration=iteration,
        frames=tuple(frames_in_order(ctx, known[0].training_set)["test"]),
        members=tuple(one["test"] for one in read),
        leader=known.index(leader_of(known)),
    )
