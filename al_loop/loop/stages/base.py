"""What a stage must do to take part in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from al_loop.loop.context import Context, PlannedJob
from al_loop.store import IterationFacts, IterationRecord, JobRecord, Stage


@dataclass(frozen=True)
class Note:
    """Something to tell a person: the kind of event, and a line of text."""

    kind: str
    text: str


@dataclass(frozen=True)
class Completed:
    """A stage is complete: where the iteration goes, and what the record of it learns.

    ``facts`` are written in the same atomic step as the move, by whichever process makes it
    first.
    """

    to: Stage
    facts: IterationFacts = field(default_factory=lambda: IterationFacts())
    note: str = ""


def last_words(ctx: Context, iteration: IterationRecord) -> set[str]:
    """The last line of each job that was given up in the stage that an iteration is at."""
    return {
        job.words.strip().splitlines()[-1]
        for job in ctx.store.jobs.quarantined(ctx.name)
        if (job.iteration, job.stage) == (iteration.index, iteration.stage) and job.words.strip()
    }


class Waits:
    """What most stages have in common: they wait for all jobs, and keep nothing of a lost one."""

    def rescue(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Nothing is kept."""
        return []

    def may_leave(self, ctx: Context, iteration: IterationRecord, due: Sequence[JobRecord]) -> bool:
        """Not before all jobs are in."""
        return False


class StageLogic(Protocol):
    """One stage. Everything is computed from the store, so everything may be done again."""

    def plan(self, ctx: Context, iteration: IterationRecord) -> list[PlannedJob]:
        """The jobs of the stage, in the same order and with the same items at every call."""
        ...

    def write(self, ctx: Context, job: JobRecord) -> None:
        """Write the folder of a job from the store; harmless when it is there already."""
        ...

    def ingest(self, ctx: Context, job: JobRecord) -> list[Note]:
        """Bring the valid result of a job into the store; harmless when done before.

        Returns what is worth telling a person, for the events.
        """
        ...

    def rescue(self, ctx: Context, job: JobRecord) -> list[Note]:
        """A job is hopeless, or its folder is of no use: keep what there is in it.

        Harmless when done before.
        """
        ...

    def may_leave(self, ctx: Context, iteration: IterationRecord, due: Sequence[JobRecord]) -> bool:
        """Whether the stage may be completed although these jobs are not in."""
        ...

    def complete(self, ctx: Context, iteration: IterationRecord) -> Completed:
        """All jobs are in, given up, or may come later: what follows.

        Raises
        ------
        CampaignFailed
            The campaign cannot go on.
        """
        ...
