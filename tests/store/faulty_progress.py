"""Collections that break one promise each of what an interrupted campaign needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from al_loop.store import JobRecord
from al_loop.store.campaigns import Campaigns
from al_loop.store.iterations import Iterations
from al_loop.store.jobs import Jobs
from al_loop.store.selections import Selections


class AdoptsAtOnce(Campaigns):
    def amend(
        self, name: str, spec: Mapping[str, Any], *, pending: Mapping[str, Any] | None
    ) -> None:
        super().amend(name, pending or spec, pending=None)


class AdoptsForEver(Campaigns):
    def adopt_pending(self, name: str) -> bool:
        super().adopt_pending(name)
        return True


class FreezesAnew(Iterations):
    def freeze(
        self, campaign: str, index: int, name: str, values: Mapping[str, float | str]
    ) -> dict[str, float | str]:
        return dict(values)


class GivesUpDoneJobs(Jobs):
    def quarantine(self, key: str, *, failure: str, words: str) -> bool:
        super().quarantine(key, failure=failure, words=words)
        return True


class ForgetsLastWords(Jobs):
    def quarantine(self, key: str, *, failure: str, words: str) -> bool:
        return super().quarantine(key, failure=failure, words="")


class CallsAllLate(Jobs):
    def late(self, campaign: str, before: int) -> list[JobRecord]:
        return super().late(campaign, 1 << 31)


class DropsInSilence(Selections):
    def drop(self, campaign: str, frames: Iterable[str]) -> None:
        """Nothing."""
