"""Job folders: results that nobody took in, folders that are gone. advance() mends both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from al_loop.jobfolder import JobFolder
from al_loop.launch.mending.scene import Scene, Suspect
from al_loop.store import CampaignRecord

NOTICED_SECONDS = 30.0
"""Whoever finishes a job takes its result in, and whoever plans one writes its folder."""


def is_mounted(record: CampaignRecord) -> bool:
    """Whether the place of a campaign's folder exists on this machine, if not the folder."""
    folder = Path(record.folder)
    return folder.is_dir() or folder.parent.is_dir()


def folders(scene: Scene) -> Iterator[Suspect]:
    """Folders of jobs that are due."""
    for record in scene.campaigns:
        if record.state != "running" or not is_mounted(record):
            continue
        for job in scene.store.jobs.all_due(record.name):
            folder = Path(record.folder) / f"iter.{job.iteration:06d}" / job.stage / job.name
            result = folder / "result.json"
            if result.is_file() and JobFolder(folder).result() is not None:
                yield Suspect(
                    "result-waiting",
                    key=f"result/{job.id}",
                    looks=str(result.stat().st_mtime_ns),
                    patience=NOTICED_SECONDS,
                    campaign=record.name,
                    where=str(folder),
                    words="its result has not been taken in",
                )
            elif not (folder / "job.json").is_file():
                yield Suspect(
                    "folder-lost",
                    key=f"folder/{job.id}",
                    looks="gone",
                    patience=NOTICED_SECONDS,
                    campaign=record.name,
                    where=str(folder),
                    words="the folder is gone, or holds no job",
                )
