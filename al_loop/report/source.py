"""What figures and report read of a campaign, each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from al_loop.loop.context import Context
from al_loop.loop.curves import LearningPoint, learning_curve
from al_loop.loop.dataset import DataFrame, data_set
from al_loop.loop.glass_view import GlassView, glass_view
from al_loop.loop.heldout import HeldOut, held_out
from al_loop.loop.spending import StageCost, spending_of
from al_loop.loop.trust import evidence_before
from al_loop.report.uncertainty import Interval, rms_interval
from al_loop.select import Evidence
from al_loop.store import CalibrationRecord, Chosen, Event, IterationRecord, Selection
from al_loop.units import Array

MEV = 1000.0


@dataclass(frozen=True)
class CommitteeErrors:
    """Errors of a committee; ``energy`` meV/atom, ``force`` and ``audit_force`` eV/Å (RMSE).

    ``energy`` and ``force`` on the test frames that there were when it was trained; ``final_...``
    on all test frames of the campaign; ``audit_force`` on frames that it called accurate, before
    it trained on them.
    """

    point: LearningPoint
    energy: Interval | None
    force: Interval | None
    final_energy: float | None
    final_force: float | None
    audit_force: Interval | None


@dataclass(frozen=True)
class Amended:
    """A setting that somebody has changed; without ``who``: what was put off came to hold."""

    when: datetime
    who: str
    what: str


class Source:
    """A campaign as it is told of."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    @cached_property
    def iterations(self) -> list[IterationRecord]:
        """All iterations, oldest first."""
        return self.ctx.store.iterations.all(self.ctx.name)

    @cached_property
    def learning(self) -> list[LearningPoint]:
        """The committees whose test error is known, in order."""
        return learning_curve(self.ctx.store, self.ctx.name, self.iterations)

    @cached_property
    def frames(self) -> list[DataFrame]:
        """The data set, frame by frame."""
        return data_set(self.ctx)

    @cached_property
    def evidence(self) -> Evidence:
        """Deviation and true error of the latest labelled frames."""
        return evidence_before(self.ctx, len(self.iterations))

    @cached_property
    def calibration(self) -> CalibrationRecord | None:
        """The latest one, where trust levels come from labels."""
        known = [one.calibration for one in self.iterations if one.calibration is not None]
        return known[-1] if known else None

    @cached_property
    def amendments(self) -> list[Amended]:
        """What has been amended since the campaign began, oldest first."""
        found = self.ctx.store.events.of_kind(self.ctx.name, "amended")
        return [amended(event) for event in found]

    @cached_property
    def spending(self) -> list[StageCost]:
        """What each stage cost."""
        return spending_of(self.ctx.store, self.ctx.record, self.iterations)

    @cached_property
    def last(self) -> HeldOut | None:
        """Errors of the last committee, frame by frame."""
        for record in reversed(self.iterations):
            if found := held_out(self.ctx, record.index):
                return found
        return None

    @cached_property
    def glass(self) -> GlassView | None:
        """The glasses that were judged last, or made last; None where none was made."""
        store, record = self.ctx.store, self.ctx.record
        made = [one.index for one in self.iterations if one.glass]
        made = made or store.glasses.iterations(self.ctx.name)
        return glass_view(store, record, made[-1]) if made else None

    @cached_property
    def errors(self) -> list[CommitteeErrors]:
        """Errors of each committee, with what is known of their uncertainty."""
        return [self._errors(point) for point in self.learning]

    def pairs(self, iteration: int, why: Chosen) -> list[tuple[Array, Array]]:
        """Forces predicted before training, and by label, of frames chosen so; eV/Å."""
        return self.ctx.predicted_and_true(
            one for one in self._chosen(iteration) if one.chosen == why
        )

    def _chosen(self, iteration: int) -> list[Selection]:
        return self.ctx.store.selections.of_iteration(self.ctx.name, iteration)

    def _errors(self, point: LearningPoint) -> CommitteeErrors:
        record = next(one for one in self.iterations if one.index == point.iteration)
        final = record.final_test_errors
        energy = force = None
        found = held_out(self.ctx, point.iteration)
        if found is not None and found.frames:
            squares = np.array([one.energy**2 for one in found.members]) * MEV**2
            energy = rms_interval(squares, np.ones(len(found.frames)))
            squares = np.array([one.force**2 for one in found.members])
            force = rms_interval(squares, found.members[0].atoms)
        return CommitteeErrors(
            point=point,
            energy=energy,
            force=force,
            final_energy=final.energy_rmse if final else None,
            final_force=final.force_rmse if final else None,
            audit_force=force_interval(self.pairs(point.iteration, "audit")),
        )


def amended(event: Event) -> Amended:
    """An event of ``al_loop.launch.control``: the change, and who asked for it."""
    what, by, who = event.text.rpartition(" by ")
    return Amended(event.when, who, what) if by else Amended(event.when, "", event.text)


def force_interval(pairs: Sequence[tuple[Array, Array]]) -> Interval | None:
    """Force error over frames, eV/Å; None without one. Pairs are predicted and true."""
    if not pairs:
        return None
    squares = np.array([[float(np.mean((one - true) ** 2)) for one, true in pairs]])
    return rms_interval(squares, np.array([float(len(true)) for _, true in pairs]))
