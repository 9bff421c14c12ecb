"""A `qlaunch` that goes on: jobs to the queue, each with its own resources, come what may.

FireWorks' own swallows what `sbatch` or `qsub` had to say and ends at its first refusal. This one
shows the text, writes it into the campaign's events, and tries again later, for each kind of node.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fireworks import LaunchPad
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from pymongo.errors import PyMongoError

from al_loop.errors import AlLoopError, DatabaseError, MachineError, UserError
from al_loop.launch.guard import (
    NotOurs,
    OurFWorker,
    OurSpec,
    check_firework,
    check_spec,
    open_guarded,
)
from al_loop.launch.mending import mend
from al_loop.launch.offline import FIREWORK, RUN
from al_loop.launch.schedulers import scheduler_for
from al_loop.launch.site import Kind, Site
from al_loop.store import Connection, Event, Store

SCRIPT = "FW_submit.script"
SUBMIT_SECONDS = 120.0
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1800.0
TICK_SECONDS = 0.2


class QueueRefused(MachineError):
    """The queue did not take a job; ``what`` is its own text."""


@dataclass
class _Line:
    """How a kind of node fares: when it is tried again, and what was said last."""

    kind: Kind
    not_before: float = 0.0
    pause: float = FIRST_PAUSE
    said: str = ""
    left: set[int] = field(default_factory=set)
    """Fireworks that must not be run."""


class Submitter:
    """Keeps a site's queue filled with jobs of its kinds of node."""

    def __init__(
        self,
        connection: Connection,
        site: Site,
        *,
        max_jobs: int,
        report: Callable[[str], None],
    ) -> None:
        """``max_jobs``: of each kind, waiting or running in the queue at a time."""
        self.connection = connection
        self.max_jobs = max_jobs
        self.report = report
        self.asked_to_stop = False
        self.refused = False
        """The queue has refused something since the start."""
        self._site = site
        self._lines = [_Line(kind) for kind in site.kinds]
        for kind in site.kinds:
            _ = kind.fworker, kind.qadapter  # a file that is wrong is said at once

    def once(self) -> int:
        """Mend, and submit what may be submitted now; returns how many jobs.

        Raises
        ------
        DatabaseError
            It does not answer.
        UserError
            Another submitter is at work with these files.
        """
        with self._alone(), self._opened() as (store, launchpad):
            self._mend(store, launchpad)
            return self._submit(store, launchpad)

    def forever(self, *, every: float, mend_every: float) -> None:
        """Until asked to stop: submit every so many seconds, and mend; outages are waited out."""
        mended = -mend_every
        with self._alone():
            while not self.asked_to_stop:
                try:
                    with self._opened() as (store, launchpad):
                        if time.monotonic() - mended >= mend_every:
                            self._mend(store, launchpad)
                            mended = time.monotonic()
                        self._submit(store, launchpad)
                except (DatabaseError, PyMongoError) as error:
                    text = self.connection.redact(str(error)).split(", Timeout")[0]
                    self.report(f"the database is away, goes on when it is back: {text}")
                end = time.monotonic() + every
                while not self.asked_to_stop and time.monotonic() < end:
                    time.sleep(TICK_SECONDS)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Store, LaunchPad]]:
        with Store(self.connection) as store, open_guarded(self.connection) as launchpad:
            yield store, launchpad

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One submitter for a folder of files: two would put up twice as many jobs as they may."""
        with (self._site.folder / ".submitter.lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    "a submitter is at work with these files already", where=self._site.folder
                ) from None
            yield

    def _mend(self, store: Store, launchpad: LaunchPad) -> None:
        """The mending pass: takes in offline runs, and carries the campaigns on.

        One that cannot be carried on from here is reported; the others' jobs are submitted.
        """
        try:
            for one in mend(store, launchpad):
                self.report(f"{one.campaign}: {one.where}: {one.words}; put right")
        except DatabaseError:
            raise
        except (AlLoopError, OSError) as error:
            self.report(str(error))

    def _submit(self, store: Store, launchpad: LaunchPad) -> int:
        count = 0
        for line in self._lines:
            if time.monotonic() < line.not_before:
                continue
            try:
                count += self._fill(launchpad, line)
            except MachineError as error:
                self._refused(store, line, error)
        return count

    def _fill(self, launchpad: LaunchPad, line: _Line) -> int:
        """Submit jobs of a kind of node as long as there are some, and room for them."""
        count = 0
        room = self.max_jobs - in_queue(launchpad, line.kind)
        while count < room and not self.asked_to_stop:
            try:
                done = submit_next(launchpad, line.kind, leave=line.left)
            except NotOurs as error:
                self.report(str(error))
                continue
            if done is None:
                break
            spec, job = done
            self.report(f"{line.kind.name}: job {job} for {spec.al_loop.id}")
            line.pause, line.said = FIRST_PAUSE, ""
            count += 1
        return count

    def _refused(self, store: Store, line: _Line, error: AlLoopError) -> None:
        """Say it, write it down once, and leave this kind of node alone for a while."""
        self.refused = True
        self.report(f"{line.kind.name}: {error}; again in {line.pause:.0f} s")
        text = self.connection.redact(f"{line.kind.name}: {error.what}")
        campaign = error.where.partition("/")[0]
        if isinstance(error, QueueRefused) and text != line.said:
            store.events.add(Event(campaign=campaign, kind="queue-refused", text=text))
        line.said = text
        line.not_before = time.monotonic() + line.pause
        line.pause = min(2 * line.pause, LONGEST_PAUSE)


def in_queue(launchpad: LaunchPad, kind: Kind) -> int:
    """Jobs of a kind of node that wait or run in its queue.

    Raises MachineError when the queue does not answer.
    """
    mine = [{"fworker.name": kind.fworker.name}, {"fworker.env.fworker": kind.fworker.name}]
    held = {"state": {"$in": ["RESERVED", "RUNNING"]}, "$or": mine}
    ids = launchpad.launches.distinct("state_history.reservation_id", held)
    if not ids:
        return 0
    jobs = scheduler_for(kind.qadapter.q_type).jobs(sorted(map(str, ids)))
    return sum(job.state in ("waiting", "running") for job in jobs.values())


def submit_next(launchpad: LaunchPad, kind: Kind, *, leave: set[int]) -> tuple[OurSpec, str] | None:
    """Hand the next firework of a kind of node to its queue, but for those in ``leave``.

    Returns
    -------
    tuple or None
        What was submitted and the queue's id of it; None when nothing is ready.

    Raises
    ------
    QueueRefused
        The queue said no; the firework is READY again. ``where`` begins with the campaign.
    NotOurs
        What is next must not be run; it is in ``leave`` now.
    """
    skip = {"fw_id": {"$nin": sorted(leave)}} if leave else {}
    fworker = OurFWorker(kind.fworker.name, kind.fworker, skip)
    raw = launchpad.fireworks.find_one(
        {**fworker.query, "state": "READY"}, sort=[("spec._priority", -1)]
    )
    if raw is None:
        return None
    try:
        folder = check_firework(launchpad, raw).folder
    except NotOurs:
        leave.add(raw["fw_id"])
        raise
    firework, launch = launchpad.reserve_fw(fworker, str(folder))
    if firework is None:  # somebody was faster
        return None
    spec = check_spec(firework.to_dict()["spec"], fw_id=firework.fw_id)
    try:
        launchpad.change_launch_dir(launch, str(spec.folder))
        job = _hand_over(launchpad, kind, firework, spec=spec, launch=launch)
    except (OSError, QueueRefused) as error:
        launchpad.cancel_reservation(launch)
        launchpad.forget_offline(launch)
        text = error.what if isinstance(error, QueueRefused) else str(error)
        raise QueueRefused(text, where=spec.al_loop.id) from None
    launchpad.set_reservation_id(launch, job)
    return spec, job


def _hand_over(
    launchpad: LaunchPad, kind: Kind, firework: Any, *, spec: OurSpec, launch: int
) -> str:
    """Write a firework's job script into its folder and submit it; returns the queue's id."""
    adapter = CommonAdapter.from_dict(kind.qadapter.to_dict())
    if spec.queueadapter is not None:
        # What is null in the firework's request overrules the site's file.
        adapter.update(spec.queueadapter.model_dump(exclude_unset=True))
    adapter["rocket_launch"] += f" --fw_id {firework.fw_id}"
    if "--offline" in adapter["rocket_launch"].split():
        firework.to_file(str(spec.folder / FIREWORK))
        (spec.folder / RUN).write_text(json.dumps({"launch_id": launch}))
        launchpad.add_offline_run(launch, firework.fw_id, firework.name)
    (spec.folder / SCRIPT).write_text(adapter.get_script_str(str(spec.folder)))
    command = [adapter.q_commands[adapter.q_type]["submit_cmd"], SCRIPT]
    try:
        done = subprocess.run(
            command,
            cwd=spec.folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SUBMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise QueueRefused(f"{command[0]} did not answer in {SUBMIT_SECONDS:.0f} s") from None
    said = done.stderr.strip() or done.stdout.strip() or "without a word"
    if done.returncode:
        raise QueueRefused(f"{command[0]} ended with code {done.returncode}: {said}")
    try:
        return str(adapter._parse_jobid(done.stdout))
    except RuntimeError:
        raise QueueRefused(f"{command[0]} named no job: {said}") from None
