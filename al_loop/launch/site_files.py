"""Write a site's files from a few answers: what is shipped in launchpad/, filled in."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from al_loop.errors import UserError
from al_loop.launch.guard import only_ours
from al_loop.resources import resource_folder
from al_loop.store import Connection

SchedulerName = Literal["slurm", "pbs"]


@dataclass(frozen=True)
class Answers:
    """What only the site knows."""

    scheduler: SchedulerName
    queues: dict[str, str]
    """Kind of node (``gpu``, ``cpu``) -> partition or queue."""
    account: str = ""
    setup: tuple[str, ...] = ()
    """Lines of the job script before the worker starts."""
    database: Path | None = None
    """The database's my_launchpad.yaml; None: one to be filled in."""
    offline: bool = False
    """The nodes do not reach the database."""


def write_site(folder: Path, answers: Answers) -> list[Path]:
    """Write the files of a site into a new folder, with full paths; returns them.

    The database's file is linked to, not copied: there is one place for the password.

    Raises
    ------
    UserError
        The folder holds something, cannot be written, or there is no queue.
    """
    folder = folder.absolute()
    if not answers.queues:
        raise UserError("no queue is named", remedy="name at least one: --gpu-queue, --cpu-queue")
    if answers.database is not None:
        Connection.from_launchpad_file(answers.database)
    try:
        _make_empty(folder)
        return _write(folder, answers)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=folder) from None


def _make_empty(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UserError(
            "there is something in this folder already: nothing was written",
            where=folder,
            remedy="name a new folder, or edit the files by hand",
        )


def _write(folder: Path, answers: Answers) -> list[Path]:
    shipped = resource_folder("launchpad")
    launchpad = folder / "my_launchpad.yaml"
    if answers.database is None:
        _private(launchpad, (shipped / launchpad.name).read_text())
    else:
        launchpad.symlink_to(answers.database.absolute())
    config = folder / "FW_config.yaml"
    _fill(shipped / config.name, config, {"LAUNCHPAD_LOC": str(launchpad)})
    template = folder / "templates" / f"{answers.scheduler}.txt"
    _private(template, (shipped / "templates" / template.name).read_text())
    written = [launchpad, config, template]
    for kind, queue in answers.queues.items():
        fworker, qadapter = (folder / part / f"{kind}.yaml" for part in ("fworkers", "qadapters"))
        _fill(shipped / "fworkers" / fworker.name, fworker, {"query": json.dumps(only_ours())})
        command = [al_loop(), "worker", "singleshot", "--fworker", str(fworker)]
        command += ["--offline"] if answers.offline else ["--launchpad", str(launchpad)]
        values: dict[str, Any] = {
            "_fw_template_file": str(template),
            "rocket_launch": shlex.join(command),
            "queue": queue,
            "account": answers.account or None,
        }
        if answers.setup:
            values["pre_rocket"] = LiteralScalarString("\n".join(answers.setup) + "\n")
        _fill(shipped / "qadapters" / f"{answers.scheduler}-{kind}.yaml", qadapter, values)
        written += [fworker, qadapter]
    return written


def al_loop() -> str:
    """Full path of the command `al-loop`, as the nodes are to call it."""
    beside = Path(sys.executable).parent / "al-loop"
    return str(beside) if beside.is_file() else (shutil.which("al-loop") or "al-loop")


def _fill(source: Path, target: Path, values: dict[str, Any]) -> None:
    """Copy a YAML file with other values; its comments stay."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 100_000, True
    data = yaml.load(source.read_text())
    data.update(values)
    text = io.StringIO()
    yaml.dump(data, text)
    _private(target, text.getvalue())


def _private(path: Path, text: str) -> None:
    """A new file that only its owner can read."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
