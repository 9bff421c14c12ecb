"""Which samples of an exploration keep their configurations, so that memory has an end."""

from __future__ import annotations

from al_loop.campaign.stages import TrustLevels
from al_loop.explore import KeepRule
from al_loop.loop.context import Context

EARLIEST = 4
"""Failed samples that a walk without a candidate keeps."""

DESCRIBED = 1000
"""Candidates of an iteration, about, among which the most diverse are chosen."""

HELD = 20_000
"""Candidates of an iteration that are kept, about: 250 MB where frames have 192 atoms."""


def is_diverse(ctx: Context) -> bool:
    """Whether batches are chosen by what is new in them: asked for, and the models can tell."""
    return ctx.spec.select.diversity and bool(getattr(ctx.trainer, "describes", False))


def keep_rule(ctx: Context, trust: TrustLevels, *, walkers: int) -> KeepRule:
    """What each of an iteration's ``walkers`` keeps.

    Of candidates one to four times what may be described or labelled of it: a walker that alone
    has candidates fills the batch, and filters may refuse some. Of many walkers each keeps less.
    """
    described = max(5, DESCRIBED // walkers) if is_diverse(ctx) else 0
    used = max(described, ctx.spec.select.batch)
    return KeepRule(
        lower=trust.lower,
        upper=trust.upper,
        accurate=max(4, ctx.spec.select.audit),
        described=described,
        candidates=max(2 * used, min(4 * used, HELD // walkers)),
        earliest=EARLIEST,
    )
