"""How a campaign ends after its last training: by what the audits said, and by its glass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from al_loop.loop.context import Context
from al_loop.loop.glass_gates import judged, say, unmet
from al_loop.loop.judge import budget_spent
from al_loop.loop.validating import is_due
from al_loop.store import GateRecord, IterationRecord


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
    records = gates_of(ctx, final)
    if unmet(records):
        spent = budget_spent(ctx, iterations=final.index) if converged else ""
        words = [spent, f"glass: {say(records)}", reason] if converged else [reason, say(records)]
        return Ending("stopped", "; ".join(part for part in words if part))
    return Ending("converged" if converged else "stopped", f"{reason}; glass: {say(records)}")


def wants_glass(ctx: Context, final: IterationRecord) -> bool:
    """Whether glasses were asked for after the campaign had ended without."""
    return is_due(ctx, final) and not final.glass


def glass_goes_on(ctx: Context, final: IterationRecord) -> bool:
    """Whether a campaign that ended by its glass has a budget again to mend it."""
    before = ctx.store.iterations.get(ctx.name, final.index - 1)
    if not final.glass or before is None or before.decision != "converged":
        return False
    return bool(unmet(gates_of(ctx, final))) and not budget_spent(ctx, iterations=final.index)


def gates_of(ctx: Context, final: IterationRecord) -> tuple[GateRecord, ...]:
    """As judged by the gates of now; as they were judged where nothing is validated any more."""
    return judged(ctx, final.index) if ctx.spec.validation is not None else final.glass
