"""Configurations as an input file of a job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ase import Atoms

from al_loop.errors import JobFolderError
from al_loop.frame import write_frames
from al_loop.hashing import file_digest
from al_loop.jobfolder import JobFolder


def stage_frames(path: Path, name: str, frames: Iterable[Atoms]) -> None:
    """Write configurations to a file of a job folder unless it is there.

    ASE writes the same bytes for the same configurations, so digests can be compared. Raises
    JobFolderError when the folder holds another job, whose file is never replaced.
    """
    target, scratch = path / name, path / f".staged.{os.getpid()}.{name}"
    write_frames(scratch, (bare(atoms) for atoms in frames))
    wanted = file_digest(scratch)
    if (path / "job.json").exists():
        staged = JobFolder(path).spec().inputs.get(name)
        if staged != wanted:
            scratch.unlink()
            raise JobFolderError(
                "this folder holds another job", where=path, remedy="move it away and try again"
            )
    if target.is_file() and file_digest(target) == wanted:
        scratch.unlink()
    else:
        scratch.replace(target)


def bare(atoms: Atoms) -> Atoms:
    """The configuration and nothing else (no calculator, constraints, momenta, info)."""
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
