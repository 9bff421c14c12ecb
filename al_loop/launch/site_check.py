"""Look at a site's files before a campaign depends on them. Submits nothing."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from al_loop.campaign import CampaignSpec
from al_loop.errors import AlLoopError
from al_loop.launch.guard import only_ours
from al_loop.launch.requests import ResourceStage, resources_of
from al_loop.launch.site import Kind, Site, kinds_for
from al_loop.loop.quenching import computed_of
from al_loop.store import Connection, Store

HELP_SECONDS = 120.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    good: bool
    what: str
    remedy: str = ""


def check_site(site: Site) -> list[Finding]:
    """Files, commands, the worker and the database, in this order."""
    found = [*_tried(lambda: _kinds(site)), *_tried(lambda: _database(site))]
    if all(one.good for one in found):
        found += _commands(site)
    return found


def check_queues(spec: CampaignSpec, site: Site) -> list[Finding]:
    """Whether each stage of a campaign has a kind of node, and a walltime."""
    return list(_tried(lambda: _queues(spec, site)))


def _tried(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What was found; an error of ours is a finding too."""
    try:
        yield from look()
    except AlLoopError as error:
        where = f"{error.where}: " if error.where else ""
        yield Finding(False, f"{where}{error.what}", error.remedy)


def _kinds(site: Site) -> Iterator[Finding]:
    for kind in site.kinds:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            script = kind.qadapter.get_script_str("/folder/of/a/job")
        for one in said:
            yield Finding(False, f"{kind.qadapter_file}: {one.message}")
        if "exec " not in script:
            yield Finding(
                False,
                f"{kind.qadapter.template_file}: does not `exec` the worker",
                "a signal before the walltime ends would not reach it: write "
                "`exec $${rocket_launch}`",
            )
        if not kind.qadapter.get("walltime"):
            yield Finding(
                False,
                f"{kind.qadapter_file}: no walltime",
                "write one; a stage may ask for another",
            )
        if kind.fworker._query != only_ours():
            yield Finding(
                False,
                f"{kind.fworker_file}: its query is not the one of this version of al_loop",
                "`al-loop launchpad init` in a new folder writes the right one",
            )
        taken = [f"`queue: {one}`" if one else "no queue" for one in kind.categories]
        stages = f"stages with {' or '.join(taken)}" if taken else "all stages"
        yield Finding(True, f"{kind.name}: {stages}, to {kind.qadapter.get('queue') or 'default'}")


def _database(site: Site) -> Iterator[Finding]:
    file = site.launchpad_file
    connection = Connection.from_launchpad_file(file)
    if connection._secrets() and file.stat().st_mode & 0o077:
        yield Finding(False, f"{file}: others may read the password", f"chmod 600 {file.resolve()}")
    with Store(connection) as store:
        store.clock()
    yield Finding(True, f"database {connection.address} answers")


def _commands(site: Site) -> Iterator[Finding]:
    for kind in site.kinds:
        commands = kind.qadapter.q_commands[kind.qadapter.q_type]
        for name in (commands["submit_cmd"], commands["status_cmd"]):
            if shutil.which(name) is None:
                yield Finding(
                    False, f"{kind.name}: no command {name} here", "run this on the login node"
                )
        yield _worker(kind)


def _worker(kind: Kind) -> Finding:
    """Whether the worker's command starts at all, on this machine."""
    words = shlex.split(str(kind.qadapter["rocket_launch"]))
    if "worker" not in words:
        return Finding(
            False,
            f"{kind.qadapter_file}: rocket_launch is not `al-loop worker`",
            "FireWorks' rlaunch runs whatever stands in the database",
        )
    command = [*words[: words.index("worker") + 1], "--help"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HELP_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(False, f"{kind.name}: `{shlex.join(command)}` cannot be run: {error}")
    if done.returncode:
        last = (done.stderr.strip() or "no word").splitlines()[-1]
        return Finding(False, f"{kind.name}: `{shlex.join(command)}` failed: {last}")
    return Finding(True, f"{kind.name}: the worker starts ({Path(words[0]).name})")


def _queues(spec: CampaignSpec, site: Site) -> Iterator[Finding]:
    names = [kind.name for kind in site.kinds]
    stages: list[ResourceStage] = ["train", "explore", "label"]
    if computed_of(spec):
        stages.insert(0, "quench")
    if spec.validation:
        stages.append("validate")
    for stage in stages:
        wanted = resources_of(spec, stage)
        kinds = kinds_for(site.kinds, wanted.queue)
        if not kinds:
            yield Finding(
                False,
                f"resources.{stage}.queue is {wanted.queue or 'not given'}: no kind of node "
                "takes it",
                f"there are: {', '.join(names)} (category in fworkers/*.yaml)",
            )
            continue
        where = " or ".join(kind.name for kind in kinds)
        walltime = wanted.walltime or next((k.qadapter.get("walltime") for k in kinds), None)
        if not walltime:
            yield Finding(
                False,
                f"{stage} jobs have no walltime",
                f"set resources.{stage}.walltime, or walltime in qadapters/{kinds[0].name}.yaml",
            )
        yield Finding(True, f"{stage} jobs go to {where}")
