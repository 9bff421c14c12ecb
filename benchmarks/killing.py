"""One run of a small campaign, those who may be killed in it, and what was seen of it before.

For :mod:`benchmarks.chaos`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from al_loop.jobfolder import JobFolder
from al_loop.store import LocalServer, Store

# What a campaign ends with, and how its processes are found: the same as in the tests.
from tests.campaigns import computed, start_run, write_campaign
from tests.mongo import kill_server
from tests.processes import age, descendants, kill, running_jobs, workers_of

NAME = "chaos"
CAMPAIGN = """\
name: {name}
elements: [Si, O]
seed: 7
structures:
  cristobalite:
    crystal: beta-cristobalite
    perturb: {{copies: 12, rattle: 0.1, strain: 0.03}}
  packed:
    formula: SiO2
    atoms: 24
    density: 2.2
    min_distance: {{Si-O: 1.5, O-O: 2.2, Si-Si: 2.6}}
    boxes: 2
    perturb: {{copies: 4, rattle: 0.05, strain: 0.02}}
train:
  engine: linear
  members: 3
explore:
  engine: ase
  sample_every: 5
  walkers_per_job: 1
  stages:
    - {{from: [cristobalite], temperatures: [300, 1500], steps: 100}}
    - {{from: [cristobalite, packed], temperatures: [1500], steps: 100}}
select:
  trust: {{lower: 0.15, upper: 20.0}}
  batch: 10
  audit: 2
label:
  engine: pair
  frames_per_job: 4
split: {{valid: 0.1, test: 0.2}}
budget: {{iterations: {iterations}}}
resources: {{cores: 2}}
"""

WEIGHTS = {"job": 10, "worker": 5, "mongod": 4, "run": 1}
SECONDS_BETWEEN_KILLS = 0.8


class Round:
    """One run of the campaign, from an empty folder and an empty database."""

    def __init__(self, folder: Path, *, iterations: int) -> None:
        self.server = LocalServer(folder / "mongod")
        self.connection = self.server.start()
        self.launchpad = folder / "my_launchpad.yaml"
        self.connection.to_launchpad_file(self.launchpad)
        text = CAMPAIGN.replace("{iterations}", str(iterations))
        self.file = write_campaign(folder, text, name=NAME)
        self.campaign = folder / NAME
        self.ledger = Ledger(self.campaign)
        self.began = time.monotonic()
        self.run = start_run(self.file, self.launchpad)

    def again(self) -> None:
        """`al-loop run` is gone: give the same command."""
        self.run = start_run(self.file, self.launchpad)

    def stored_labels(self) -> set[str]:
        """Frames whose label the database has."""
        with Store(self.connection) as store:
            found = store.labels.table.find({}, fields={"frame": 1})
        return {document["frame"] for document in found}

    def close(self) -> None:
        """End what still runs."""
        kill(self.run.pid)
        self.run.wait()
        self.server.stop()


@dataclass
class Ledger:
    """What was seen of a round while it ran; nothing of it may be gone or done again."""

    campaign: Path
    labels: set[str] = field(default_factory=set)
    results: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Job folder -> which file its valid result was, the first time."""
    repeated: set[Path] = field(default_factory=set)

    def look(self) -> None:
        """See which results are there."""
        for file in self.campaign.glob("iter.*/*/*/result.json"):
            try:
                stat = file.stat()
            except FileNotFoundError:
                continue
            identity = (stat.st_ino, stat.st_mtime_ns)
            known = self.results.get(file.parent)
            if known is None and JobFolder(file.parent).result() is not None:
                self.results[file.parent] = identity
            elif known is not None and known != identity:
                self.repeated.add(file.parent)

    def look_closely(self, stored: set[str]) -> None:
        """See also which labels are there, on disk and in the database."""
        self.look()
        self.labels |= computed(self.campaign).keys() | stored


@dataclass
class Harm:
    """Who was killed, and what it cost."""

    rng: random.Random
    left: int
    long_outage: float
    kills: Counter[str] = field(default_factory=Counter)
    of_job: Counter[Path] = field(default_factory=Counter)
    interrupted: int = 0
    seconds_interrupted: float = 0.0
    seconds_without_database: float = 0.0

    def pause(self) -> float:
        """Seconds until the next kill."""
        return self.rng.expovariate(1 / SECONDS_BETWEEN_KILLS)

    def strike(self, round_: Round) -> None:
        """Kill somebody."""
        ways: dict[str, Callable[[Round], bool]] = {
            "job": self._job,
            "worker": self._worker,
            "mongod": self._mongod,
            "run": self._run,
        }
        who = self.rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
        round_.ledger.look_closely(round_.stored_labels() if who == "mongod" else set())
        if ways[who](round_):
            self.kills[who] += 1
            self.left -= 1

    def _interrupt(self, jobs: dict[int, Path]) -> None:
        self.interrupted += len(jobs)
        self.seconds_interrupted += sum(map(age, jobs))

    def _job(self, round_: Round) -> bool:
        """Wait a moment for a job that runs, and kill it."""
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            running = running_jobs(round_.campaign)
            allowed = {pid: path for pid, path in running.items() if self.of_job[path] < 2}
            if allowed:
                pid = self.rng.choice(sorted(allowed))
                self._interrupt({pid: allowed[pid]})
                self.of_job[allowed[pid]] += 1
                return kill(pid)
            time.sleep(0.005)
        return False

    def _worker(self, round_: Round) -> bool:
        workers = workers_of(round_.run.pid)
        if not workers:
            return False
        worker = self.rng.choice(workers)
        jobs = running_jobs(round_.campaign)
        self._interrupt({pid: jobs[pid] for pid in descendants(worker) if pid in jobs})
        return kill(worker)

    def _run(self, round_: Round) -> bool:
        self._interrupt(running_jobs(round_.campaign))
        kill(round_.run.pid)
        ended_by_itself = round_.run.wait() == 0
        if not ended_by_itself:
            round_.again()
        return not ended_by_itself

    def _mongod(self, round_: Round) -> bool:
        if not workers_of(round_.run.pid):
            return False
        began = time.monotonic()
        kill_server(round_.server)
        time.sleep(self.long_outage or self.rng.random())
        self.long_outage = 0.0
        round_.server.start()
        self.seconds_without_database += time.monotonic() - began
        return True
