"""What the figures of a campaign show, as numbers; for pages, and for figures on paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.campaign.stages import TrustLevels
from al_loop.loop.context import Context
from al_loop.loop.thinning import evenly
from al_loop.loop.trust import MOST_EVIDENCE, evidence_before
from al_loop.store import CalibrationRecord, IterationRecord, Store
from al_loop.units import Array

BINS = 60
MOST_POINTS = 3000
"""Labelled frames in a chart of deviation against true error."""
LOWEST = 1 / 30
"""Left end of a histogram, in lower trust levels: an ideal crystal has no forces, no deviation."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LearningPoint(_Document):
    """A committee: labels that it was trained on, and its force errors (RMSE, eV/Å)."""

    iteration: int
    labels: int
    test: float | None
    """On the test frames that there were then."""
    final: float | None
    """On all test frames, measured at the campaign's end."""
    audit: float | None


class Fractions(_Document):
    """Shares of the samples that an iteration explored."""

    iteration: int
    accurate: float
    candidate: float
    failed: float


class CalibrationPoints(_Document):
    """Labelled frames, sorted by deviation: deviation before training, largest error; eV/Å."""

    deviation: list[float]
    error: list[float]
    frames: int
    """Before thinning."""
    latest: bool = False
    """Whether older frames than these are left out."""
    record: CalibrationRecord | None
    """The one that called them accurate or not (of frames of a campaign: the latest one); None
    where trust levels are fixed ones."""


class Curves(_Document):
    """All that is drawn of a campaign but its histograms."""

    learning: list[LearningPoint]
    fractions: list[Fractions]
    calibration: CalibrationPoints
    audit_target: float
    """Force RMSE, eV/Å."""


class DeviationHistogram(_Document):
    """Samples of an iteration by maximum force deviation; ``edges`` (bins + 1,), eV/Å."""

    iteration: int
    edges: list[float]
    counts: list[int]
    trust: TrustLevels


def curves_of(ctx: Context) -> Curves:
    """Learning curve, fractions and calibration of a campaign."""
    iterations = ctx.store.iterations.all(ctx.name)
    return Curves(
        learning=learning_curve(ctx.store, ctx.name, iterations),
        fractions=[_fractions(one) for one in iterations if one.counts.explored],
        calibration=_calibration(ctx, iterations),
        audit_target=ctx.spec.converge.audit_force_rmse,
    )


def learning_curve(
    store: Store, campaign: str, iterations: Sequence[IterationRecord]
) -> list[LearningPoint]:
    """The committees whose test error is known, in order."""
    trained = store.models.training_sets(campaign)
    labels = store.training_sets.counts(trained.values())
    points = []
    for record in iterations:
        test = record.test_errors.force_rmse if record.test_errors else None
        if test is not None and trained.get(record.index) in labels:
            final = record.final_test_errors
            points.append(
                LearningPoint(
                    iteration=record.index,
                    labels=labels[trained[record.index]],
                    test=test,
                    final=final.force_rmse if final else None,
                    audit=record.audit_error,
                )
            )
    return points


def _fractions(record: IterationRecord) -> Fractions:
    counts = record.counts
    return Fractions(
        iteration=record.index,
        accurate=counts.accurate / counts.explored,
        candidate=counts.candidate / counts.explored,
        failed=counts.failed / counts.explored,
    )


def _calibration(ctx: Context, iterations: Sequence[IterationRecord]) -> CalibrationPoints:
    evidence = evidence_before(ctx, len(iterations))
    known = [one.calibration for one in iterations if one.calibration is not None]
    return _points(
        evidence.deviation,
        evidence.error,
        record=known[-1] if known else None,
        latest=len(evidence.error) >= MOST_EVIDENCE,
    )


def calibration_of(store: Store, campaign: str, iteration: int) -> CalibrationPoints | None:
    """The labelled frames of one iteration and its own calibration; None: no such iteration."""
    record = store.iterations.get(campaign, iteration)
    if record is None:
        return None
    chosen = store.selections.light(campaign, iteration)
    known = [(one.deviation, one.error) for one in chosen if one.deviation and one.error]
    deviation, error = np.array(known, dtype=np.float64).reshape(-1, 2).T
    return _points(deviation, error, record=record.calibration)


def _points(
    deviation: Array, error: Array, *, record: CalibrationRecord | None, latest: bool = False
) -> CalibrationPoints:
    """What a logarithmic chart can show: a deviation or error of zero it cannot."""
    seen = np.flatnonzero(np.isfinite(deviation) & (deviation > 0) & (error > 0))
    order = seen[np.argsort(deviation[seen], kind="stable")]
    kept = order[evenly(len(order), MOST_POINTS)]
    return CalibrationPoints(
        deviation=deviation[kept].tolist(),
        error=error[kept].tolist(),
        frames=len(order),
        latest=latest,
        record=record,
    )


def deviations(store: Store, campaign: str, iteration: int) -> Array:
    """Maximum force deviation of all samples of an iteration (samples,), eV/Å; finite ones."""
    walks = store.walks.deviations(campaign, iteration)
    values = np.concatenate(walks) if walks else np.empty(0)
    return values[np.isfinite(values)]


def histogram_bins(trust: TrustLevels, highest: float) -> Array:
    """Edges of the bins, evenly on a logarithmic axis; eV/Å."""
    return np.geomspace(trust.lower * LOWEST, max(highest, trust.upper) * 1.01, BINS)


def deviation_histogram(ctx: Context, iteration: int) -> DeviationHistogram | None:
    """Deviations of an iteration; None when it has not explored."""
    record = ctx.store.iterations.get(ctx.name, iteration)
    values = deviations(ctx.store, ctx.name, iteration)
    if record is None or not len(values):
        return None
    trust = record.trust or ctx.spec.select.trust
    edges = histogram_bins(trust, float(values.max()))
    counts, _ = np.histogram(values.clip(min=edges[0]), edges)
    return DeviationHistogram(
        iteration=iteration, edges=edges.tolist(), counts=counts.tolist(), trust=trust
    )
