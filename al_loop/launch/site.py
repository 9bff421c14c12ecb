"""A site's files for FireWorks: where the database is, and its kinds of node.

A folder with ``my_launchpad.yaml``, ``FW_config.yaml``, and for each kind of node one file of the
same name in ``fworkers/`` (which jobs it takes) and ``qadapters/`` (how its job script looks).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fireworks import FWorker
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from al_loop.errors import UserError

REMEDY = "`al-loop launchpad init FOLDER` writes files to compare with"


class SiteError(UserError):
    """A site's file is missing or wrong."""


@dataclass(frozen=True)
class Kind:
    """A kind of node: the files that say what it takes and how the queue is asked for it."""

    name: str
    fworker_file: Path
    qadapter_file: Path

    @cached_property
    def fworker(self) -> FWorker:
        """Which jobs it takes; SiteError."""
        return read_fworker(self.fworker_file)

    @cached_property
    def qadapter(self) -> CommonAdapter:
        """How its job script looks; SiteError."""
        return read_qadapter(self.qadapter_file)

    @property
    def categories(self) -> list[str | None]:
        """Queues of stages whose jobs it takes; None: stages that name no queue; empty: all."""
        found = self.fworker.category
        return list(found) if isinstance(found, list) else [found] if found else []

    def takes(self, queue: str | None) -> bool:
        """Whether jobs of a stage with ``resources.<stage>.queue`` may run there."""
        return not self.categories or queue in self.categories


@dataclass(frozen=True)
class Site:
    """The folder of a site's files."""

    folder: Path

    @property
    def launchpad_file(self) -> Path:
        """Where the database is."""
        return self.folder / "my_launchpad.yaml"

    @cached_property
    def kinds(self) -> list[Kind]:
        """The kinds of node, by name.

        Raises
        ------
        SiteError
            There are none, or one has only one of its two files.
        """
        names = {path.stem for path in self.folder.glob("*/*.yaml")}
        found = [
            Kind(
                name,
                self.folder / "fworkers" / f"{name}.yaml",
                self.folder / "qadapters" / f"{name}.yaml",
            )
            for name in sorted(names)
        ]
        found = [k for k in found if k.fworker_file.exists() or k.qadapter_file.exists()]
        for kind in found:
            for file in (kind.fworker_file, kind.qadapter_file):
                if not file.is_file():
                    raise SiteError("a kind of node needs this file", where=file, remedy=REMEDY)
        if not found:
            raise SiteError("no kinds of node here", where=self.folder, remedy=REMEDY)
        return found


def read_fworker(path: Path) -> FWorker:
    """FireWorks' fworker file: name, category, query (JSON text), env."""
    data = _mapping(path)
    try:
        query = json.loads(data.get("query") or "{}")
        return FWorker(str(data["name"]), data.get("category") or "", query, data.get("env"))
    except KeyError:
        raise SiteError("the key 'name' is missing", where=path, remedy=REMEDY) from None
    except (TypeError, ValueError):
        raise SiteError("query is not JSON", where=path, remedy=REMEDY) from None


def read_qadapter(path: Path) -> CommonAdapter:
    """FireWorks' queue adapter file; its template must be there."""
    data = _mapping(path)
    try:
        adapter = CommonAdapter.from_dict(data)
    except (KeyError, ValueError) as error:
        raise SiteError(f"not a queue adapter: {error}", where=path, remedy=REMEDY) from None
    if not Path(adapter.template_file).is_file():
        raise SiteError(
            f"its template {adapter.template_file} is not there",
            where=path,
            remedy="`_fw_template_file` needs the full path of slurm.txt or pbs.txt",
        )
    if "singleshot" not in str(adapter.get("rocket_launch", "")):
        raise SiteError(
            "rocket_launch must be `... al-loop worker singleshot ...`", where=path, remedy=REMEDY
        )
    return adapter


def kinds_for(kinds: Iterable[Kind], queue: str | None) -> list[Kind]:
    """Kinds of node that take the jobs of a stage."""
    return [kind for kind in kinds if kind.takes(queue)]


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text())
    except OSError as error:
        raise SiteError(f"cannot be read: {error.strerror}", where=path) from None
    except (YAMLError, UnicodeDecodeError):
        raise SiteError("this is not YAML", where=path) from None
    if not isinstance(data, dict):
        raise SiteError("a mapping of keys is needed", where=path, remedy=REMEDY)
    return data
