"""What can be seen without the database: folders of campaigns on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from al_loop.jobfolder import JobFolder
from al_loop.launch.doctor.disk import disk
from al_loop.launch.doctor.report import Finding

_STAMP = "campaign.sha256"
_SHOWN = 3


def campaign_folders(place: Path) -> list[Path]:
    """Folders of campaigns in a place, or the place itself."""
    stamps = [*place.glob(_STAMP), *place.glob(f"*/{_STAMP}")]
    return sorted(stamp.parent for stamp in stamps)


def folder_findings(folder: Path) -> Iterator[Finding]:
    """The disk of a campaign, and how the jobs of its newest iteration failed."""
    yield from disk(folder)
    failed = []
    for job in sorted(folder.glob("iter.*"))[-1:]:
        for file in sorted(job.glob("*/*/failures.jsonl")):
            failures = JobFolder(file.parent).failures()
            if failures and not (file.parent / "result.json").exists():
                failed.append((file.parent, failures[-1]))
    for path, last in failed[:_SHOWN]:
        words = last.words.strip().splitlines()
        yield Finding(last.kind, str(path), words[-1][:200] if words else "no last words")


def finished_jobs(folder: Path) -> tuple[int, int]:
    """Jobs of the newest iteration that have a result, and all of them."""
    newest = sorted(folder.glob("iter.*"))[-1:]
    jobs = [file.parent for it in newest for file in it.glob("*/*/job.json")]
    return sum((job / "result.json").exists() for job in jobs), len(jobs)
