"""What this machine can run: it sees the job's folder, and has the engines that the job needs."""

from __future__ import annotations

import socket
from pathlib import Path

from al_loop.campaign import engine_class, make_engine
from al_loop.campaign.engines import EngineKind
from al_loop.errors import EngineMissing, JobFolderError, UserError
from al_loop.hashing import digest
from al_loop.jobfolder import JobFolder, JobKind, JobSpec

_ENGINE: dict[JobKind, EngineKind] = {
    "train": "train",
    "evaluate": "train",
    "score": "train",
    "describe": "train",
    "explore": "explore",
    "quench": "explore",
    "glass": "explore",
    "validate": "explore",
    "label": "label",
}


class NodeUnfit(UserError):
    """A machine cannot run the jobs that it was given; it has touched none of them."""


class Node:
    """The machine that we are on. An engine is looked for once."""

    def __init__(self) -> None:
        self.name = socket.gethostname()
        self._found: dict[str, str] = {}

    def unfit_for(self, folder: Path) -> str:
        """Why this machine cannot run the job of a folder; empty when it can."""
        try:
            job = JobFolder(folder).spec()
        except JobFolderError as error:
            seen = next(path for path in folder.parents if path.exists())
            return f"{error.what} ({folder}; this machine sees {seen})"
        key = digest({"kind": job.kind, "engine": job.engine, "options": job.options})
        if key not in self._found:
            self._found[key] = _missing(job)
        return self._found[key]


def _missing(job: JobSpec) -> str:
    """What an engine of a job lacks here."""
    try:
        if job.kind in _ENGINE:  # what is measured needs no engine
            make_engine(_ENGINE[job.kind], job.engine, job.options).check()
        if trainer := job.params.get("trainer"):  # an explorer runs models of this trainer
            engine_class("train", str(trainer))
    except EngineMissing as error:
        return str(error)
    except ValueError as error:  # options of another version of al_loop
        kind = _ENGINE.get(job.kind, job.kind)
        return f"{kind} engine {job.engine!r} does not know these options: {error}"
    return ""


def unfit(node: Node, *reasons: str) -> NodeUnfit:
    """The error of a machine that cannot run what it was given."""
    return NodeUnfit(
        "cannot run these jobs, and has touched none of them: " + "; ".join(reasons),
        where=node.name,
        remedy="mend the environment that the job script sets up (pre_rocket in the qadapter "
        "file), or give the stage another queue (`resources.<stage>.queue`)",
    )
