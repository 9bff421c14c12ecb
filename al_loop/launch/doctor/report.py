"""What the doctor hands over."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from al_loop.launch.mending import Mended
from al_loop.taxonomy import Fault, fault


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and where."""

    code: str
    """Of the taxonomy of faults."""
    where: str
    words: str
    remedy: str = ""
    """The way out here and now, where more is known than the taxonomy says."""

    @property
    def fault(self) -> Fault:
        """What is known of its kind."""
        return fault(self.code)

    def document(self) -> dict[str, str]:
        """For JSON."""
        known = self.fault
        return {
            "code": self.code,
            "what": known.what,
            "where": self.where,
            "words": self.words,
            "whose": known.whose,
            "remedy": self.remedy or known.remedy,
        }


@dataclass(frozen=True)
class CampaignFigures:
    """How a campaign stands. ``free`` is the room on its disk, bytes (None: no folder here)."""

    name: str
    state: str
    waiting: int
    running: int
    workers: int
    free: int | None


@dataclass(frozen=True)
class Figures:
    """What matters where nothing is wrong."""

    database_ms: float
    """Time of one round trip (median), ms."""
    clock_seconds: float
    """This machine's clock minus the server's, s."""
    campaigns: tuple[CampaignFigures, ...]


@dataclass(frozen=True)
class Report:
    """All of it."""

    findings: list[Finding]
    mended: list[Mended] = field(default_factory=list)
    figures: Figures | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong that is left."""
        return not self.findings

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "healthy": self.healthy,
            "findings": [one.document() for one in self.findings],
            "mended": [asdict(one) for one in self.mended],
            "figures": None if self.figures is None else asdict(self.figures),
        }
