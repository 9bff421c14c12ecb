"""How a campaign ends after its last training: by what the audits said, and by its glass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from al_loop.loop.context import Context
from al_loop.loop.glass_gates import judged, mendable, say, unmet
from al_loop.loop.judge import budget_spent
from al_loop.loop.validating import is_due, validation_of
from al_loop.store import IterationRecord


@dataclass(frozen=True)
class Ending:
    """State of a campaign that has ended, and why, in a sentence."""

    state: Literal["converged", "stopped"]
    reason: str


def ending_of(ctx: Context, final: IterationRecord) -> Ending:
    """Converged only where the glass, if one was asked for, passes the gates of now."""
    before = ctx.store.iterations.get(ctx.name, final.index - 1)
    reason = before.reason if before else ""
    converged = before is not None and before.decision == "converged"
    if not final.glass:
        return Ending("converged" if converged else "stopped", reason)
    records = final.glass
    if unmet(records):
        spent = budget_spent(ctx, iterations=final.index) if converged else ""
        words = [spent, f"glass: {say(records)}", reason] if converged else [reason, say(records)]
        return Ending("stopped", "; ".join(part for part in words if part))
    return Ending("converged" if converged else "stopped", f"{reason}; glass: {say(records)}")


def wants_glass(ctx: Context, final: IterationRecord) -> bool:
    """Whether glasses were asked for after the campaign had ended, and are not there."""
    if not is_due(ctx, final):
        return False
    there = {one.system for one in ctx.store.glasses.of_iteration(ctx.name, final.index)}
    return not final.glass or bool(validation_of(ctx).systems.keys() - there)


def glass_goes_on(ctx: Context, final: IterationRecord) -> bool:
    """Whether a campaign that ended by its glass has a budget again to mend it."""
    before = ctx.store.iterations.get(ctx.name, final.index - 1)
    if not final.glass or before is None or before.decision != "converged":
        return False
    return mendable(final.glass) and not budget_spent(ctx, iterations=final.index)


def judged_anew(ctx: Context, final: IterationRecord) -> IterationRecord:
    """With the glasses that are there held against the gates of now, which is written down.

    What is explored next follows from it. As it was where nothing is validated any more.
    """
    if not final.glass or ctx.spec.validation is None:
        return final
    records = judged(ctx, final.index)
    if records != final.glass:
        ctx.store.iterations.record(ctx.name, final.index, glass=records)
    return final.model_copy(update={"glass": records})
