"""The loop of every worker: take a firework of ours, run it, put it back if it cannot be ended.

`al-loop run` starts such workers on this machine, `al-loop worker` is one for a queue's nodes.
What must hold, whatever happens: no firework stays RUNNING in the name of a worker that does not
run it, and nothing is taken that this machine cannot run or that is not al_loop's.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireworks import FWorker, LaunchPad
from fireworks.core.rocket_launcher import launch_rocket
from pymongo.errors import PyMongoError

from al_loop.errors import DatabaseError
from al_loop.launch.alive import beat_often, worker_name
from al_loop.launch.ending import Ending
from al_loop.launch.guard import (
    NotOurs,
    OurFWorker,
    check_firework,
    only_ours,
    open_guarded,
)
from al_loop.launch.launchpad import CAMPAIGN
from al_loop.launch.node import Node, unfit
from al_loop.launch.tasks import STOPPED
from al_loop.loop.advance import process_name
from al_loop.store import Connection, Event, Store

TROUBLE = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AssertionError,
    OSError,
    AttributeError,
)
"""What FireWorks raises when a document goes away under its hands, or a job's disk is full."""

MOST_TROUBLES = 10
"""In a row, without a job between them: more is no accident."""

POLL_SECONDS = 0.1
LONGEST_PAUSE = 60.0
MEND_SECONDS = 300.0
"""An idle worker makes the mending pass so often."""
LEAVE_SECONDS = 60.0
"""For so long a worker does not look again at jobs that this machine cannot run."""


@dataclass(frozen=True)
class Orders:
    """What a worker may take, and how long it stays; times in seconds."""

    campaign: str | None = None
    fw_id: int | None = None
    """Only this firework, which a queue job was made for."""
    single: bool = False
    """End after one firework."""
    idle: float = 0.0
    """End when there has been nothing to do for so long."""
    timeout: float = math.inf
    """Take nothing more after so long."""
    stop_after: float = math.inf
    """Ask the job to stop after so long: the walltime ends."""
    grace: float = 90.0
    """Time that a job has to stop before it is killed."""
    longest_poll: float = 5.0
    vetted: bool = False
    """Whoever started the worker has seen that this machine has all engines."""


class Puller:
    """One worker: one firework at a time."""

    def __init__(
        self,
        connection: Connection,
        site: FWorker,
        orders: Orders,
        *,
        report: Callable[[str], None],
    ) -> None:
        self.connection = connection
        self.site = site
        self.orders = orders
        self.report = report
        self.name = worker_name(process_name())
        self.ran = 0
        self.node = Node()
        self._left: list[tuple[dict[str, Any], float]] = []
        self._reasons: dict[str, None] = {}
        self.ending = Ending(grace=orders.grace, stop_after=orders.stop_after, report=report)
        self._connected = False
        self._troubles = 0
        self._end = time.monotonic() + orders.timeout

    def work(self) -> int:
        """Until there is nothing to do, time is up or a signal comes; returns what was run.

        Raises
        ------
        NodeUnfit, NotOurs
            Nothing could be run here; nothing was touched.
        DatabaseError
            The database did not answer at the start. Later outages are waited out.
        """
        beat_often()
        with self.ending, _own_folder() as place:
            self._survive(place)
        if self._reasons and not self.ran and not self.ending.asked:
            raise unfit(self.node, *self._reasons)
        return self.ran

    def _survive(self, place: Path) -> None:
        """Serve, and after an outage of the database put back what was held and serve again."""
        while True:
            try:
                with open_guarded(self.connection) as launchpad:
                    self._connected = True
                    put_back(launchpad, self.name, stopped=self.ending.asked)
                    self._serve(launchpad, place)
                    put_back(launchpad, self.name, stopped=self.ending.asked)
                    self._mention_strangers(launchpad)
                    return
            except DatabaseError as error:
                if not self._connected:
                    raise
                self._wait_after(error.what)
            except PyMongoError as error:
                self._wait_after(self.connection.redact(str(error)).split(", Timeout")[0])
            except TROUBLE as error:
                if self._troubles >= MOST_TROUBLES:
                    raise
                self._wait_after(f"{type(error).__name__}: {error}")

    def _wait_after(self, text: str) -> None:
        """Say what is wrong, and wait: longer each time until a job has been run again."""
        pause = min(2.0**self._troubles, LONGEST_PAUSE)
        self._troubles += 1
        self.report(f"{text}; goes on in {pause:.0f} s")
        self._rest(pause)

    def _serve(self, launchpad: LaunchPad, place: Path) -> None:
        since, poll = time.monotonic(), POLL_SECONDS
        mended = since
        while not self.ending.asked and time.monotonic() < self._end:
            if self._run_one(launchpad, place):
                self.ran += 1
                self._troubles = 0
                since, poll = time.monotonic(), POLL_SECONDS
                if self.orders.single:
                    return
                continue
            if self.orders.single or time.monotonic() - since >= self.orders.idle:
                return
            if time.monotonic() - mended >= MEND_SECONDS:
                self._mend(launchpad)
                mended = time.monotonic()
            self._rest(poll)
            poll = min(1.5 * poll, self.orders.longest_poll)

    def _mend(self, launchpad: LaunchPad) -> None:
        """While there is nothing to do: perhaps that is because something is broken."""
        from al_loop.launch.mending import mend  # which recovers what workers did offline

        with Store(self.connection) as store:
            mend(store, launchpad, self.orders.campaign)

    def _run_one(self, launchpad: LaunchPad, place: Path) -> bool:
        """Whether a firework was run."""
        fw_id = self.orders.fw_id
        found = self._next(launchpad) if fw_id is None else self._asked_for(launchpad, fw_id)
        if not found or self.ending.asked:
            return False
        fworker = self._fworker()
        os.chdir(place)  # FireWorks takes the current folder for a launch's first, then leaves it
        self.ending.busy = True
        try:
            return bool(launch_rocket(launchpad, fworker, fw_id=fw_id, strm_lvl="CRITICAL"))
        finally:
            self.ending.busy = False
            os.chdir(place)

    def _next(self, launchpad: LaunchPad) -> bool:
        """Whether something is ready that this machine can run; looks without touching."""
        while True:
            query = {**self._fworker().query, "state": "READY"}
            raw = launchpad.fireworks.find_one(query, sort=[("spec._priority", -1)])
            if raw is None:
                return False
            try:
                reason = self._unfit(launchpad, raw)
            except NotOurs as error:
                self._leave({"fw_id": raw["fw_id"]}, str(error))
                continue
            if not reason:
                return True
            names = raw["spec"]["al_loop"]
            alike = {CAMPAIGN: names["campaign"], "spec.al_loop.stage": names["stage"]}
            self._leave(alike, f"{names['stage']} jobs of {names['campaign']}: {reason}")

    def _leave(self, query: dict[str, Any], reason: str) -> None:
        """Leave some fireworks alone for a while."""
        self._left.append((query, time.monotonic() + LEAVE_SECONDS))
        if reason not in self._reasons:
            self.report(f"left alone: {reason}")
        self._reasons[reason] = None

    def _asked_for(self, launchpad: LaunchPad, fw_id: int) -> bool:
        """Whether the one firework that was asked for waits to be run."""
        raw = launchpad.fireworks.find_one({"fw_id": fw_id})
        if raw is None or raw["state"] not in ("READY", "RESERVED"):
            state = "no longer there" if raw is None else raw["state"]
            self.report(f"firework {fw_id} is {state}: nothing to do")
            return False
        if reason := self._unfit(launchpad, raw):
            names = raw["spec"]["al_loop"]
            self._write_down(names["campaign"], f"{names['id']}: {self.node.name}: {reason}")
            raise unfit(self.node, reason)
        return True

    def _write_down(self, campaign: str, text: str) -> None:
        """Tell the campaign: nobody reads the log of a job that has done nothing."""
        with Store(self.connection) as store:
            store.events.add(Event(campaign=campaign, kind="node-unfit", text=text))

    def _unfit(self, launchpad: LaunchPad, raw: dict[str, Any]) -> str:
        """Why a firework of ours cannot be run here; empty when it can. NotOurs."""
        spec = check_firework(launchpad, raw)
        return "" if self.orders.vetted else self.node.unfit_for(spec.folder)

    def _mention_strangers(self, launchpad: LaunchPad) -> None:
        """Say what else waits in this database, which no worker of al_loop will ever run."""
        alike = FWorker(category=self.site.category).query
        query = {**alike, "state": "READY", "$nor": [only_ours()]}
        if not self.orders.vetted and (count := launchpad.fireworks.count_documents(query)):
            self.report(
                f"left alone: {count} fireworks that are not al_loop's, or of another version"
            )

    def _fworker(self) -> OurFWorker:
        """Who we are to FireWorks: a name that leads to this process, and what we take."""
        also: list[dict[str, Any]] = []
        if self.orders.campaign is not None:
            also.append({CAMPAIGN: self.orders.campaign})
        if left := [query for query, until in self._left if until > time.monotonic()]:
            also.append({"$nor": left})
        return OurFWorker(self.name, self.site, *also)

    def _rest(self, seconds: float) -> None:
        """Sleep, but wake up when asked to stop."""
        end = time.monotonic() + seconds
        while not self.ending.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))
        if self.ending.asked:
            time.sleep(POLL_SECONDS)


def put_back(launchpad: LaunchPad, worker: str, *, stopped: bool) -> list[int]:
    """Make READY again what a worker holds and does not run; returns the fireworks.

    Its launches that never ended, and with ``stopped`` those whose job was asked to stop.
    """
    held: list[dict[str, Any]] = [{"state": {"$in": ["RUNNING", "RESERVED"]}}]
    if stopped:
        held.append({"state": "COMPLETED", f"action.stored_data.{STOPPED}": {"$exists": True}})
    query = {"fworker.name": worker, "$or": held}
    back = []
    for launch in launchpad.launches.find(query, {"launch_id": 1, "fw_id": 1, "state": 1}):
        mine = {"fw_id": launch["fw_id"], "launches": launch["launch_id"]}
        if launchpad.fireworks.count_documents({**mine, "state": launch["state"]}):
            launchpad.rerun_fw(launch["fw_id"])
            this = {"launch_id": launch["launch_id"], "state": {"$ne": "COMPLETED"}}
            launchpad.launches.update_one(this, {"$set": {"state": "FIZZLED"}})
            back.append(launch["fw_id"])
    return back


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    """An own current folder: FireWorks removes the one that it was started in when it is empty."""
    before = Path.cwd()
    place = Path(tempfile.mkdtemp(prefix="al-loop-worker-"))
    (place / "worker").write_text(process_name())
    try:
        yield place
    finally:
        os.chdir(before)
        shutil.rmtree(place, ignore_errors=True)
