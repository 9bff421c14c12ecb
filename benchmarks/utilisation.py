"""How busy 64 workers are: with the barrier, with a quorum, and with all that al_loop does.

    python benchmarks/utilisation.py [--quick] [--batch 1280] [--quorum 0.9]

Time is simulated: a campaign of train, explore, select and label stages on 64 equal workers that
pull jobs. The policies are the package's own: `loop.quorum` (when training may start, which labels
are dropped), `loop.chunks` (how frames are dealt to jobs), `launch.requests.priority` (which job is
pulled first). Three ways, with the same labels and the same times for each seed:

barrier   Each stage waits for all of the one before, as in DP-GEN. Jobs of one frame each: its best
          form, since no label is held up by another (`barrier_of_8`: eight frames a job).
quorum    Training starts when 90 % of a batch is labelled; the rest joins the next training. Jobs
          of one frame, first come first served.
ours      Besides: jobs that should last ten minutes by the labels so far; the package's priorities;
          labels that still wait when a better committee exists are scored again, and dropped where
          it has become sure.

What is assumed: labels of 24, 48, 72 or 96 atoms. The time of a label is lognormal, its median
10 min; 5 in a thousand take more than 20 times that. A third of the variance of the logarithm comes
from the number of atoms, which is known beforehand; the rest nobody can foresee. An iteration
trains 4 members for about 30 min each, runs 64 walkers for about 30 min each, and labels 20 frames
a worker. With far fewer labels nobody can keep 64 workers busy, since training needs only 4 of
them: the last line has `ours` for a quarter, half, twice and four times the batch, too.

What to expect: nearly all of the gain is the quorum's. Where a label lasts as long as a chunk,
chunks gain nothing over one frame a job (over eight, a lot). Where all workers are alike, old
labels first is nearly the order in which they were put up, and few still wait to be dropped when
the next committee comes; `ours_without_dropping` tells how much that is.

Measured from the end of the first label stage to the end of the last but one, as the campaign runs
for most of its life; `whole` is from the first training to the last label. A worker is busy while
it computes. The last line is one JSON object: means over the seeds, `spread` the largest
difference between two seeds.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from al_loop.campaign.stages import TrustLevels
from al_loop.hashing import digest
from al_loop.launch.requests import priority
from al_loop.loop.chunks import chunk, fit_cost
from al_loop.loop.quorum import enough, no_longer_wanted
from al_loop.store import JobRecord, Stage

WORKERS = 64
MEMBERS = 4
ITERATIONS = 8
MINUTE = 60.0
TRUST = TrustLevels(lower=0.1, upper=0.3)

MEDIAN = 10 * MINUTE
SIGMA = 1.15
"""Of the logarithm of a label's time."""
FORESEEN = 1 / 3
"""Part of its variance that the number of atoms explains."""
SIZES = (24, 48, 72, 96)
LATEST = 300
"""Labels from which the cost is taken, as in the store."""
BETTER = 0.7
"""Typical deviation of a waiting frame by the next committee, in units of what it was."""


@dataclass(frozen=True)
class Way:
    """What is switched on."""

    quorum: float
    frames_per_job: int = 1
    minutes: float | None = None
    """Chunks by minutes instead of frames."""
    ranked: bool = False
    """By priority; otherwise first come first served."""
    rescore: bool = False


@dataclass(frozen=True)
class Frame:
    """One label to be computed; ``later`` is the deviation by the next committee, eV/Å."""

    name: str
    atoms: int
    seconds: float
    later: float


@dataclass
class Job:
    """A job on its way: its record as in the store, the times of its items, how many are done."""

    record: JobRecord
    seconds: Sequence[float]
    done: int = 0

    @property
    def frame(self) -> str:
        """The frame that it labels now; empty when it labels none."""
        return self.record.items[self.done] if self.record.items else ""


@dataclass
class Outcome:
    """What is known when the campaign is over: when workers computed, when stages ended."""

    busy: list[tuple[float, float]] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    """When each label stage was left, s."""
    end: float = 0.0
    late: int = 0
    dropped: int = 0

    def fraction(self, start: float, end: float) -> float:
        """Fraction of the workers' time in [start, end] in which they computed."""
        inside = sum(max(0.0, min(b, end) - max(a, start)) for a, b in self.busy)
        return inside / (WORKERS * (end - start))


def frames_of(rng: random.Random, iteration: int, count: int) -> list[Frame]:
    """The batch of an iteration, in the order of the hashes; the same for every way."""
    logs = [math.log(size) for size in SIZES]
    power = SIGMA * math.sqrt(FORESEEN) / statistics.pstdev(logs)
    chance = SIGMA * math.sqrt(1 - FORESEEN)
    made = []
    for i in range(count):
        atoms = rng.choice(SIZES)
        shift = power * (math.log(atoms) - statistics.fmean(logs)) + rng.gauss(0.0, chance)
        made.append(
            Frame(
                name=digest([iteration, i]),
                atoms=atoms,
                seconds=MEDIAN * math.exp(shift),
                later=rng.uniform(TRUST.lower, TRUST.upper)
                * math.exp(rng.gauss(math.log(BETTER), 0.3)),
            )
        )
    return sorted(made, key=lambda frame: frame.name)


class Workers:
    """Workers that pull jobs and do their items one after the other."""

    def __init__(self, *, ranked: bool) -> None:
        self.now = 0.0
        self.busy: list[tuple[float, float]] = []
        self.unwanted: set[str] = set()
        """Frames to be skipped by whoever comes to them."""
        self._ranked = ranked
        self._free = WORKERS
        self._waiting: list[tuple[int, int, Job]] = []
        self._running: list[tuple[float, int, Job]] = []
        self._count = 0

    def put_up(self, job: Job) -> None:
        self._count += 1
        rank = -priority(job.record) if self._ranked else 0
        heapq.heappush(self._waiting, (rank, self._count, job))

    def step(self) -> tuple[Job, str, bool] | None:
        """Until an item is done: its job, its frame, whether that was the job's last item."""
        while self._free and self._waiting:
            self._go_on(heapq.heappop(self._waiting)[2])
        if not self._running:
            return None
        self.now, _, job = heapq.heappop(self._running)
        self._free += 1
        frame = job.frame
        job.done += 1
        ended = not self._go_on(job)
        return job, frame, ended

    def in_hand(self) -> set[str]:
        """Frames that are being computed."""
        return {job.frame for _, _, job in self._running}

    def _go_on(self, job: Job) -> bool:
        """Take the next item that is still wanted; False when there is none."""
        while job.done < len(job.seconds) and job.frame in self.unwanted:
            job.done += 1
        if job.done == len(job.seconds):
            return False
        self._free -= 1
        self._count += 1
        end = self.now + job.seconds[job.done]
        self.busy.append((self.now, end))
        heapq.heappush(self._running, (end, self._count, job))
        return True


class Campaign:
    """A campaign in simulated time: after each item this looks, as `advance()` would."""

    def __init__(self, way: Way, *, batch: int, seed: int) -> None:
        rng = random.Random(seed)
        self.way = way
        self.batches = [frames_of(rng, i, batch) for i in range(ITERATIONS)]
        self.train = [[rng.gauss(30, 3) * MINUTE for _ in range(MEMBERS)] for _ in self.batches]
        self.walk = [[rng.gauss(30, 6) * MINUTE for _ in range(WORKERS)] for _ in self.batches]
        self.frames = {frame.name: frame for batch in self.batches for frame in batch}
        self.unlabelled = [{frame.name for frame in batch} for batch in self.batches]
        self.costs: deque[tuple[int, float]] = deque(maxlen=LATEST)
        self.iteration = 0
        self.stage: Stage = "train"
        self.unfinished: set[str] = set()
        """Jobs of the stage."""

    def run(self) -> Outcome:
        """Carry the campaign to its last label."""
        workers, outcome = Workers(ranked=self.way.ranked), Outcome()
        self._open(workers, "train")
        while (step := workers.step()) is not None:
            job, name, ended = step
            if name:
                frame = self.frames[name]
                self.unlabelled[job.record.iteration].discard(name)
                self.costs.append((frame.atoms, frame.seconds))
            if job.record.name == "score":
                outcome.dropped += self._drop(workers)
            if ended:
                self.unfinished.discard(job.record.id)
            self._advance(workers, outcome)
        outcome.busy, outcome.end = workers.busy, workers.now
        return outcome

    def _advance(self, workers: Workers, outcome: Outcome) -> None:
        """Leave the stage if it may be left."""
        if self.stage in ("train", "explore"):
            if not self.unfinished:
                self._open(workers, "explore" if self.stage == "train" else "label")
            return
        last = self.iteration == ITERATIONS - 1
        wanted, waiting = len(self.batches[self.iteration]), len(self.unlabelled[self.iteration])
        quorum = 1.0 if last else self.way.quorum  # the end waits for all
        if self.stage == "label" and enough(wanted=wanted, waiting=waiting, quorum=quorum):
            outcome.left.append(workers.now)
            outcome.late += waiting
            if last:
                self.stage = "done"
                return
            self.iteration += 1
            self._open(workers, "train")

    def _open(self, workers: Workers, stage: Stage) -> None:
        """Plan the jobs of a stage and put them up."""
        self.stage, self.unfinished, k = stage, set(), self.iteration
        jobs: list[tuple[str, tuple[str, ...], list[float]]]
        if stage == "label":
            jobs = [
                (f"chunk-{i:03d}", part, [self.frames[frame].seconds for frame in part])
                for i, part in enumerate(self._chunks(self.batches[k]))
            ]
        else:
            seconds = self.train[k] if stage == "train" else self.walk[k]
            jobs = [(f"{stage}-{i:03d}", (), [each]) for i, each in enumerate(seconds)]
            if stage == "explore" and self.way.rescore and any(self.unlabelled[:k]):
                jobs.append(("score", (), [MINUTE]))
        for name, items, times in jobs:
            record = JobRecord(campaign="c", iteration=k, stage=stage, name=name, items=items)
            self.unfinished.add(record.id)
            workers.put_up(Job(record, times))

    def _chunks(self, frames: Sequence[Frame]) -> list[tuple[str, ...]]:
        if self.way.minutes is None:
            names, size = [frame.name for frame in frames], self.way.frames_per_job
            return [tuple(names[i : i + size]) for i in range(0, len(names), size)]
        return chunk(
            {frame.name: frame.atoms for frame in frames},
            cost=fit_cost(self.costs),
            minutes=self.way.minutes,
            workers=WORKERS,
            long_first=self.way.quorum >= 1,
        )

    def _drop(self, workers: Workers) -> int:
        """The new committee has scored the labels that wait: how many nobody wants any more."""
        late = set().union(*self.unlabelled[: self.iteration]) - workers.in_hand()
        scores = {name: self.frames[name].later for name in late}
        sure = no_longer_wanted(scores, dict.fromkeys(scores, TRUST.lower))
        workers.unwanted |= sure
        for waiting in self.unlabelled[: self.iteration]:
            waiting -= sure
        return len(sure)


def measure(way: Way, *, batch: int, seeds: int) -> dict[str, float]:
    """Means over the seeds."""
    rows = []
    for seed in range(seeds):
        done = Campaign(way, batch=batch, seed=seed).run()
        chosen = batch * ITERATIONS
        rows.append(
            {
                "busy": done.fraction(done.left[0], done.left[-2]),
                "whole": done.fraction(0.0, done.end),
                "hours": done.end / 3600,
                "late": done.late / chosen,
                "dropped": done.dropped / chosen,
            }
        )
    means = {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}
    busy = [row["busy"] for row in rows]
    return {**means, "spread": max(busy) - min(busy)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three seeds, one size of batch")
    parser.add_argument("--batch", type=int, default=20 * WORKERS, help="labels an iteration")
    parser.add_argument("--quorum", type=float, default=0.9)
    given = parser.parse_args()
    seeds = 3 if given.quick else 10
    ours = Way(quorum=given.quorum, minutes=10.0, ranked=True, rescore=True)
    ways = {
        "barrier": Way(quorum=1.0),
        "barrier_of_8": Way(quorum=1.0, frames_per_job=8),
        "quorum": Way(quorum=given.quorum),
        "ours_without_dropping": replace(ours, rescore=False),
        "ours": ours,
    }
    print(f"{'':24s} busy  spread whole hours  late  dropped")
    found = {}
    for name, way in ways.items():
        found[name] = row = measure(way, batch=given.batch, seeds=seeds)
        print(
            f"{name:24s} {row['busy']:.3f} {row['spread']:.3f}  {row['whole']:.3f} "
            f"{row['hours']:5.1f}  {row['late']:.3f} {row['dropped']:.4f}"
        )
    sizes = (
        []
        if given.quick
        else [given.batch // 4, given.batch // 2, *(given.batch * n for n in (2, 4))]
    )
    by_batch = {str(n): measure(ours, batch=n, seeds=3)["busy"] for n in sizes}
    for size, busy in by_batch.items():
        print(f"ours, batch {size:12s} {busy:.3f}")
    result = {
        **{name: round(found[name]["busy"], 3) for name in ("barrier", "quorum", "ours")},
        "barrier_of_8": round(found["barrier_of_8"]["busy"], 3),
        "ratio": round(found["ours"]["busy"] / found["barrier"]["busy"], 2),
        "times_faster": round(found["barrier"]["hours"] / found["ours"]["hours"], 2),
        "whole": {name: round(row["whole"], 3) for name, row in found.items()},
        "spread": {name: round(row["spread"], 3) for name, row in found.items()},
        "late": round(found["ours"]["late"], 3),
        "dropped": round(found["ours"]["dropped"], 4),
        "ours_by_batch": {size: round(busy, 3) for size, busy in by_batch.items()},
        "parameters": {
            "workers": WORKERS,
            "batch": given.batch,
            "iterations": ITERATIONS,
            "members": MEMBERS,
            "median_s": MEDIAN,
            "sigma": SIGMA,
            "foreseen": round(FORESEEN, 2),
            "seeds": seeds,
            "quorum": given.quorum,
            "minutes": ours.minutes,
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
