"""What a rehearsed campaign would cost with its real labeller: by stage, and beside its budget.

Labels have a price; the other stages cost what they cost in the rehearsal, times a factor where the
real campaign does more. Nothing that is not known is guessed: it is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from al_loop.campaign import CampaignSpec
from al_loop.campaign.spec import Budget
from al_loop.loop.chunks import LabelCost
from al_loop.loop.context import Context
from al_loop.loop.method import added_in_md
from al_loop.store import IterationRecord, JobRecord, Stage

MEASURED: tuple[Stage, ...] = tuple(
    stage for stage in get_args(Stage) if stage not in ("start", "label", "done")
)
"""Stages that a rehearsal does as the real campaign will; the others are labels."""


_MD: tuple[Stage, ...] = ("explore", "validate")
"""Stages that the explorer runs."""


@dataclass(frozen=True)
class Step:
    """An iteration of the rehearsal.

    ``atoms`` of each frame that was labelled; ``chosen`` frames count for ``budget.labels``;
    ``wall`` (s) and ``core_seconds`` by stage; ``labelling`` core-seconds of the teacher;
    ``final``: nothing is labelled any more.
    """

    atoms: tuple[int, ...]
    chosen: int
    wall: Mapping[Stage, float]
    core_seconds: Mapping[Stage, float]
    labelling: float
    final: bool


@dataclass(frozen=True)
class Price:
    """Wall time of a real label by its atoms, the cores that it keeps busy, who says so."""

    wall: LabelCost
    cores: int
    source: str

    @classmethod
    def given(cls, core_hours: float, cores: int) -> Price:
        """The same for every label."""
        return cls(LabelCost(3600 * core_hours / cores, 0.0), cores, "as given, whatever its size")

    def hours(self, atoms: Sequence[int]) -> float:
        """Wall time of these labels one after the other, h."""
        return math.fsum(self.wall.seconds(n) for n in atoms) / 3600


@dataclass(frozen=True)
class Terms:
    """What the real campaign does otherwise.

    ``nodes`` labels at a time; each label is computed ``times`` times on average (relabelling);
    MD takes ``in_md`` times as long.
    """

    nodes: int = 1
    times: float = 1.0
    in_md: float = 1.0

    def factor(self, stage: Stage) -> float:
        """By which a stage takes longer than in the rehearsal."""
        return self.in_md if stage in _MD else 1.0


@dataclass(frozen=True)
class Cost:
    """Core-hours by stage that took any, in the rehearsal and as they would be; hours on the clock.

    ``labels`` are computed, repetitions left out. ``clock``: hours from the start to the end of
    each iteration that may label, None without a price; ``last_training``: h, after them.
    """

    labels: int
    here: Mapping[str, float]
    real: Mapping[str, float | None]
    clock: tuple[float, ...] | None
    last_training: float

    @property
    def core_hours(self) -> float | None:
        """Of all stages; None without a price."""
        known = [one for one in self.real.values() if one is not None]
        return math.fsum(known) if len(known) == len(self.real) else None


def d3_in_md(cutoff: float) -> float:
    """By what D3 prolongs a step of MD: as the pairs within its cutoff (Å), 1.73 at 15 Å.

    Measured by benchmarks/dispersion.py with one deep potential of the default size on one core.
    """
    return 1.0 + 0.73 * (cutoff / 15.0) ** 3


def terms_of(real: CampaignSpec, *, nodes: int) -> Terms:
    """What the real campaign does otherwise than its rehearsal."""
    d3 = added_in_md(real)
    in_md = 1.0 if d3 is None else d3_in_md(d3.cutoff)
    return Terms(nodes=nodes, times=1.0 + real.label.relabel, in_md=in_md)


def steps_of(ctx: Context) -> list[Step]:
    """The iterations of a rehearsal, in order."""
    return [_step(ctx, record) for record in ctx.store.iterations.all(ctx.name)]


def _step(ctx: Context, record: IterationRecord) -> Step:
    frames = ctx.store.selections.hashes(ctx.name, record.index)
    known = ctx.store.labels.known(frames, ctx.method)
    threads = int(getattr(ctx.spec.explore.options, "threads", 1))
    core_seconds: dict[Stage, float] = {}
    for stage in MEASURED:
        jobs = ctx.store.jobs.of_stage(ctx.name, record.index, stage)
        each = threads if stage in _MD else 1
        core_seconds[stage] = each * math.fsum(_held(job) for job in jobs)
    core_seconds["select"] = record.seconds.get("select", 0.0)
    return Step(
        atoms=tuple(len(one) for one in ctx.store.frames.get_many(sorted(known)).values()),
        chosen=len(frames - ctx.store.selections.dropped(ctx.name, frames)),
        wall={stage: record.seconds[stage] for stage in MEASURED if stage in record.seconds},
        core_seconds=core_seconds,
        labelling=record.counts.core_seconds,
        final=record.decision == "final",
    )


def _held(job: JobRecord) -> float:
    """How long a job kept its core, s: with loading; over several tries, what they computed."""
    computed = math.fsum(span.end - span.start for span in job.spans if span.what == "compute")
    if job.started is None or job.ended is None:
        return computed
    return max((job.ended - job.started).total_seconds(), computed)


def cost_of(steps: Sequence[Step], price: Price | None, terms: Terms) -> Cost:
    """What these iterations would cost."""
    here = {"labels": math.fsum(one.labelling for one in steps) / 3600}
    real: dict[str, float | None] = {"labels": None}
    if price is not None:
        hours = math.fsum(price.hours(one.atoms) for one in steps)
        real["labels"] = price.cores * terms.times * hours
    for stage in MEASURED:
        if hours := math.fsum(one.core_seconds.get(stage, 0.0) for one in steps) / 3600:
            here[stage], real[stage] = hours, terms.factor(stage) * hours
    return Cost(
        labels=sum(len(one.atoms) for one in steps),
        here=here,
        real=real,
        clock=None if price is None else _clock(steps, price, terms),
        last_training=math.fsum(_others(one, terms) for one in steps if one.final),
    )


def most_per_label(steps: Sequence[Step], terms: Terms, *, hours: float, cores: int) -> float:
    """Core-hours a label up to which all iterations end within ``hours``; negative: none do."""
    rounds = sum(_rounds(one, terms) for one in steps)
    others = math.fsum(_others(one, terms) for one in steps if not one.final)
    return cores * (hours - others) / rounds if rounds else math.inf


def _clock(steps: Sequence[Step], price: Price, terms: Terms) -> tuple[float, ...]:
    ends, now = [], 0.0
    for one in steps:
        if one.final:
            continue
        each = price.hours(one.atoms) / len(one.atoms) if one.atoms else 0.0
        now += _rounds(one, terms) * each + _others(one, terms)
        ends.append(now)
    return tuple(ends)


def _rounds(step: Step, terms: Terms) -> int:
    """How often ``nodes`` labels are begun, until all are done."""
    return math.ceil(terms.times * len(step.atoms) / terms.nodes)


def _others(step: Step, terms: Terms) -> float:
    """Wall time of all but the labels, h."""
    return math.fsum(terms.factor(stage) * s for stage, s in step.wall.items()) / 3600


def judge_budget(
    budget: Budget, steps: Sequence[Step], cost: Cost, *, terms: Terms, cores: int
) -> list[str]:
    """A sentence for each limit: does the campaign fit, and where does it end if not.

    ``cores`` are those of a label. A budget is looked at when an iteration ends, as the campaign
    does it.
    """
    used = [one.chosen for one in steps if not one.final]
    said = [_judged("iterations", budget.iterations, [float(i + 1) for i in range(len(used))])]
    if budget.labels is not None:
        so_far = [float(sum(used[: i + 1])) for i in range(len(used))]
        said.append(_judged("labels", budget.labels, so_far))
    if budget.hours is None:
        return said
    if cost.clock is not None:
        after = f"; the last training, {cost.last_training:.3g} h, comes on top"
        return [*said, _judged("hours", budget.hours, cost.clock) + after]
    most = most_per_label(steps, terms, hours=budget.hours, cores=cores)
    fits = f"fits if a label costs less than {most:.3g} core-hours, {terms.nodes} at a time"
    never = "does not fit, however cheap labels are: the other stages take as long"
    return [*said, f"{budget.hours:g} hours: {fits if most > 0 else never}"]


def _judged(what: str, limit: float, so_far: Sequence[float]) -> str:
    """``so_far``: what is used at the end of each iteration."""
    spent = next((i for i, used in enumerate(so_far) if used >= limit), None)
    if spent is None:
        return f"{limit:g} {what}: fits, {so_far[-1] if so_far else 0:.4g} used"
    here = f"{limit:g} {what}: spent in iteration {spent}, {so_far[spent]:.4g} used at its end"
    rest = len(so_far) - 1 - spent
    return f"{here}; the rehearsal went on for {rest} more" if rest else f"{here}, the last one"
