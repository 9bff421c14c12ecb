"""Glasses that have been made, found in folders."""

from __future__ import annotations

from pathlib import Path

from al_loop.errors import JobFolderError
from al_loop.glass.make.results import GlassResult, collect_glass
from al_loop.jobfolder import JobFolder


def glass_jobs(folder: Path) -> list[Path]:
    """Folders of glass jobs at or below ``folder``, in the order of their names."""
    found = []
    for file in sorted(folder.rglob("job.json")):
        try:
            if JobFolder(file.parent).spec().kind == "glass":
                found.append(file.parent)
        except JobFolderError:
            continue
    return found


def made_in(folder: Path) -> dict[str, GlassResult]:
    """What `al-loop glass make` has made at or below ``folder``, by the names of its runs.

    Jobs that have not ended are left out.

    Raises
    ------
    JobFolderError
        There is none.
    """
    jobs = glass_jobs(folder)
    ended = {
        str(path.relative_to(folder)): collect_glass(JobFolder(path))
        for path in jobs
        if JobFolder(path).result() is not None
    }
    if not ended:
        raise JobFolderError(
            f"{len(jobs)} glasses have begun there, none has ended" if jobs
            else "there is no glass that `al-loop glass make` has made",
            where=folder,
            remedy="give the folder of `al-loop glass make -o FOLDER`",
        )  # fmt: skip
    return ended
