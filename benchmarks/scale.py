"""Book-keeping of a large campaign: what `advance()` and `status` cost as it grows.

    python benchmarks/scale.py [--labels 100000] [--walkers 1000] [--iterations 50] [--quick]

A campaign of frames of 72 atoms goes through its iterations, on a mongod of its own and with
FireWorks, in a temporary folder. All of al_loop's own work is real: planning, folders, results
taken in, selection, training sets, status. Only the engines are left out: a job's result is made up
and written into its folder, as a worker would have left it, and its firework is marked as done;
that time does not count.

After each job `advance()` is called as the job's firework does. Ten times in a stage it is called
as `al-loop run` does (nothing is new: it looks at every job that is due), and `status` is read.
Times are compared at 1 % (the first iteration), 10 % and 100 % of the labels: medians of calls, and
for what is done once in an iteration (`transitions`: plans, folders, selection) the mean of three.
`growth` is the CPU time (ours and mongod's, so that a busy machine matters less) at 100 % over that
at 10 % and at 1 %. Seconds are wall time. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms
from fireworks import LaunchPad

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.descriptors import DIMENSIONS, Features
from al_loop.explore import Walk, Walker
from al_loop.explore.job import explore_params
from al_loop.explore.walkfile import save_walk, walk_files
from al_loop.frame import read_frames
from al_loop.jobfolder import Clock, JobFolder
from al_loop.label import Label, LabelOutcome, LabelSummary
from al_loop.label.outcome import write_outcomes
from al_loop.launch.launchpad import JOB_ID, open_launchpad
from al_loop.launch.submit import register
from al_loop.launch.workflows import FireworksExecutor
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.status import status_of
from al_loop.store import JobRecord, LocalServer, Store
from al_loop.train import Errors, EvaluateOutcome, Member, TrainOutcome
from al_loop.train.describe import DESCRIPTORS, MOST_ATOMS

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.watch import Cost, Watch

NAME = "scale"
SAMPLES = 40
"""Samples of a walker."""
FAILING = 0.005
"""Fraction of the labels that fail."""
LOOKS = 10
"""Times in an iteration at which waiting and status are measured."""

CAMPAIGN = """\
name: {name}
elements: [Si, O]
seed: 1
structures:
  cristobalite:
    crystal: beta-cristobalite
    supercell: [1, 1, 3]
    perturb: {{copies: {initial}, rattle: 0.1, strain: 0.03}}
train: {{engine: linear, members: 4}}
explore:
  engine: ase
  sample_every: 10
  walkers_per_job: 4
  stages:
    - {{from: [cristobalite], temperatures: [300], steps: {steps}, walkers: {walkers}}}
select:
  trust: {{lower: 0.1, upper: 0.3}}
  batch: {batch}
  audit: 10
label: {{engine: pair, minutes_per_job: 10, quorum: {quorum}}}
budget: {{iterations: {iterations}}}
resources: {{cores: 64}}
"""


class Results:
    """Made-up results, written as a job would have written them."""

    def __init__(self, spec: CampaignSpec, ctx: Context, *, kept: int) -> None:
        self.spec = spec
        self.ctx = ctx
        self.kept = kept
        self.rng = np.random.default_rng(1)

    def write(self, job: JobRecord) -> None:
        """Write the result of a job into its folder."""
        folder = self.ctx.folder_of(job)
        clock = Clock()
        clock.add(clock.started, clock.started + 1.0)
        kind = folder.spec().kind
        getattr(self, f"_{kind}")(folder, job, clock)

    def _label(self, folder: JobFolder, job: JobRecord, clock: Clock) -> None:
        frames = read_frames(folder.path / "frames.traj")
        outcomes = [
            self._outcome(name, len(atoms))
            for name, atoms in zip(sorted(job.items), frames, strict=True)
        ]
        write_outcomes(folder.path / "labels.npz", outcomes)
        summary = LabelSummary(
            labels="labels.npz",
            ok=sum(one.state == "ok" for one in outcomes),
            failed={},
            fingerprint=dict(self.ctx.labeller.fingerprint()),
            program="none",
        )
        folder.finish(summary.model_dump(mode="json"), files=["labels.npz"], clock=clock)

    def _outcome(self, name: str, atoms: int) -> LabelOutcome:
        forces = self.rng.normal(size=(atoms, 3))
        forces -= forces.mean(axis=0)  # a label with a net force is not believed
        failed = self.rng.random() < FAILING
        return LabelOutcome(
            frame=name,
            state="failed" if failed else "ok",
            label=None if failed else Label(-1.0, forces, np.eye(3)),
            reason="scf-not-converged" if failed else "",
            detail="",
            remedy="",
            seconds=60.0,
            cores=1,
        )

    def _train(self, folder: JobFolder, job: JobRecord, clock: Clock) -> None:
        (folder.path / "model.json").write_bytes(self.rng.bytes(100_000))
        errors = Errors(frames=1, energy_rmse=1.0, force_rmse=0.1, virial_rmse=1.0)
        member = Member(model="model.json", restart=("model.json",))
        outcome = TrainOutcome("ok", 1.0, "none", member=member, valid=errors, test=errors)
        folder.finish(outcome.payload(), files=["model.json"], clock=clock)

    def _explore(self, folder: JobFolder, job: JobRecord, clock: Clock) -> None:
        starts = read_frames(folder.path / "starts.traj")
        key = folder.spec().key
        walks = [
            self._walk(walker, atoms)
            for walker, atoms in zip(explore_params(folder).walkers, starts, strict=True)
        ]
        for walk in walks:
            save_walk(folder.path, walk, key=key)
        files = [name for walk in walks for name in walk_files(walk.name)]
        folder.finish({"walks": [{"name": walk.name} for walk in walks]}, files=files, clock=clock)

    def _walk(self, walker: Walker, start: Atoms) -> Walk:
        """A walk with a few candidates and one accurate configuration that is kept."""
        deviation = self.rng.uniform(0.02, 0.09, SAMPLES)
        deviation[: self.kept] = 0.2
        kept = np.arange(self.kept + 1)
        frames = []
        for _ in kept:
            atoms = start.copy()
            atoms.positions += self.rng.normal(0.0, 0.05, atoms.positions.shape)
            frames.append(atoms)
        return Walk(
            name=walker.name,
            stop="completed",
            detail="",
            cut=0,
            step=np.arange(SAMPLES) * walker.sample_every,
            max_force_deviation=deviation,
            mean_force_deviation=deviation / 2,
            max_virial_deviation=np.full(SAMPLES, np.nan),
            temperature=np.full(SAMPLES, 300.0),
            pressure=np.zeros(SAMPLES),
            kept=kept,
            frames=frames,
            forces=[self.rng.normal(size=atoms.positions.shape) for atoms in frames],
            deviations=[self.rng.uniform(0.0, deviation[i], len(start)) for i in kept],
            described=kept[: self.kept],
            descriptors=self._features(self.kept, len(start)),
        )

    def _features(self, *shape: int) -> Features:
        return self.rng.normal(size=(*shape, DIMENSIONS)).astype(np.float32)

    def _describe(self, folder: JobFolder, job: JobRecord, clock: Clock) -> None:
        """As many atoms as a describe job leaves of large data."""
        numbers = np.repeat([8, 14], MOST_ATOMS)
        np.savez(folder.path / DESCRIPTORS, features=self._features(len(numbers)), numbers=numbers)
        folder.finish({"atoms": len(numbers)}, files=[DESCRIPTORS], clock=clock)

    def _score(self, folder: JobFolder, job: JobRecord, clock: Clock) -> None:
        """The new committee is not sure of anything that waits."""
        scores = dict.fromkeys(job.items, 0.2)
        folder.finish({"deviations": scores}, files=[], clock=clock)

    def _evaluate(self, folder: JobFolder, job: JobRecord, clock: Clock) -> None:
        errors = Errors(frames=1, energy_rmse=1.0, force_rmse=0.1, virial_rmse=1.0)
        outcome = EvaluateOutcome({f"member-{k}": errors for k in range(4)})
        folder.finish(outcome.payload(), files=[], clock=clock)


@dataclass
class Row:
    """One iteration: what each call took, by what it did."""

    labels: int = 0
    """In the store when the iteration's label stage was left."""
    calls: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))


class Benchmark:
    """The campaign on its way through its iterations."""

    def __init__(self, store: Store, launchpad: LaunchPad, results: Results, watch: Watch) -> None:
        self.store = store
        self.watch = watch
        self.launchpad = launchpad
        self.results = results
        self.executor = FireworksExecutor(launchpad)
        self.rows: list[Row] = []

    def run(self) -> None:
        """From the start to the end; the last training and its assessment included."""
        self._advance("transitions", None)
        while due := self.store.jobs.all_due(NAME):
            latest = self.store.iterations.latest(NAME)
            assert latest is not None
            for i, job in enumerate(due):
                if i % max(1, len(due) // LOOKS) == 0 and len(due) >= LOOKS:
                    self._look()
                self.results.write(job)
                self._firework_done(job)
                self._advance(f"ingest_{job.stage}", job.id)
                if self._moved(latest.index, latest.stage):
                    break
            self._workflows_done()
        if (state := self.store.campaigns.state(NAME)) != "stopped":
            raise SystemExit(f"the campaign is {state}, and should have ended by its budget")

    def _moved(self, index: int, stage: str) -> bool:
        latest = self.store.iterations.latest(NAME)
        return latest is None or (latest.index, latest.stage) != (index, stage)

    def _advance(self, kind: str, job: str | None) -> None:
        before = self.store.iterations.latest(NAME)
        cost = self.watch.measure(lambda: advance(self.store, NAME, self.executor, finished=job))
        after = self.store.iterations.latest(NAME)
        assert after is not None
        while len(self.rows) <= after.index:
            self.rows.append(Row())
            say(f"iteration {after.index}: {self._labels()} labels")
        if before is not None and (before.index, before.stage) != (after.index, after.stage):
            self.rows[before.index].labels = self._labels()
            kind = "transitions"
        self.rows[after.index if before is None else before.index].calls[kind].append(cost)

    def _look(self) -> None:
        """Nothing has happened: what `al-loop run` and `al-loop status` cost."""
        calls = self.rows[-1].calls
        waiting = self.watch.measure(lambda: advance(self.store, NAME, self.executor))
        calls["waiting"].append(waiting)
        calls["status"].append(self.watch.measure(lambda: status_of(self.store, NAME)))

    def _labels(self) -> int:
        return int(self.store.database["labels"].estimated_document_count())

    def _firework_done(self, job: JobRecord) -> None:
        done = {"$set": {"state": "COMPLETED"}}
        self.launchpad.fireworks.update_many({JOB_ID: job.id}, done)

    def _workflows_done(self) -> None:
        """What FireWorks does when the last firework of a workflow has ended."""
        for workflow in self.launchpad.workflows.find({"state": {"$ne": "COMPLETED"}}):
            query = {"fw_id": {"$in": workflow["nodes"]}, "state": {"$ne": "COMPLETED"}}
            if self.launchpad.fireworks.find_one(query) is None:
                done = {"$set": {"state": "COMPLETED"}}
                self.launchpad.workflows.update_one({"_id": workflow["_id"]}, done)


KINDS = ("waiting", "status", "transitions", "ingest_label", "ingest_explore")


def summary(rows: list[Row]) -> dict[str, Any]:
    """Costs at 1 %, 10 % and 100 % of the labels, and their ratios."""
    total = max(row.labels for row in rows)
    running = [row for row in rows if row.calls["status"]]
    at: dict[str, dict[str, float]] = {}
    cpu: dict[str, dict[str, float]] = {}
    for name, fraction in (("1%", 0.01), ("10%", 0.1), ("100%", 1.0)):
        middle = next(i for i, row in enumerate(running) if row.labels >= fraction * total)
        first = max(0, min(middle - 1, len(running) - 3))
        near = running[first : first + 3]
        at[name] = {"labels": running[middle].labels}
        at[name] |= {kind: round(typical(near, kind, "wall"), 4) for kind in KINDS}
        cpu[name] = {kind: typical(near, kind, "cpu") for kind in KINDS}
    spent = sum(
        cost.wall
        for row in rows
        for kind, costs in row.calls.items()
        if kind not in ("waiting", "status")
        for cost in costs
    )
    return {
        "labels": total,
        "iterations": len(rows),
        "seconds_per_label": round(spent / total, 5),
        "seconds": at,
        "growth": {
            kind: {
                "10-fold": round(cpu["100%"][kind] / cpu["10%"][kind], 2),
                "100-fold": round(cpu["100%"][kind] / cpu["1%"][kind], 2),
            }
            for kind in KINDS
        },
    }


def typical(rows: list[Row], kind: str, clock: Literal["wall", "cpu"]) -> float:
    """Median of the calls, or for what is done once in an iteration its sum, mean of the rows."""
    costs = [
        [cost.wall if clock == "wall" else cost.cpu for cost in row.calls[kind]] for row in rows
    ]
    if kind == "transitions":
        return statistics.fmean(map(sum, costs))
    return statistics.median(seconds for row in costs for seconds in row)


def sizes(store: Store, folder: Path, labels: int) -> dict[str, Any]:
    """Bytes in the database, by collection, and of the campaign's folder."""
    database = store.database
    stats = database.command("dbStats")
    parts = {
        name: database.command("collStats", name)["size"]
        for name in database.list_collection_names()
    }
    largest = sorted(parts.items(), key=lambda item: -item[1])[:8]
    data = sum(p.stat().st_size for p in (folder / "data").rglob("*") if p.is_file())
    return {
        "database_MB": round((stats["storageSize"] + stats["indexSize"]) / 1e6, 1),
        "database_bytes_per_label": round((stats["storageSize"] + stats["indexSize"]) / labels),
        "documents_bytes_per_label": {name: round(size / labels) for name, size in largest},
        "training_data_bytes_per_label": round(data / labels),
    }


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


@contextmanager
def scratch(keep: Path | None) -> Iterator[Path]:
    """A temporary folder, or the one that is to be kept."""
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="al-loop-scale-") as made:
        yield Path(made)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labels", type=int, default=100_000)
    parser.add_argument("--walkers", type=int, default=1000, help="walkers of an iteration")
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--quorum", type=float, default=0.9)
    parser.add_argument("--quick", action="store_true", help="2,000 labels, 50 walkers")
    parser.add_argument("--folder", type=Path, help="keep everything in this new folder")
    given = parser.parse_args()
    labels, walkers, iterations = given.labels, given.walkers, given.iterations
    if given.quick:
        labels, walkers, iterations = 2000, 50, 10
    initial = max(labels // 100, 20)
    batch = (labels - initial) // iterations - 10
    with scratch(given.folder) as folder:
        server = LocalServer(folder / "db")
        connection = server.start()
        try:
            file = folder / "scale.yaml"
            file.write_text(
                CAMPAIGN.format(
                    name=NAME,
                    initial=initial,
                    steps=10 * (SAMPLES - 1),
                    walkers=walkers,
                    batch=batch,
                    quorum=given.quorum,
                    iterations=iterations,
                )
            )
            spec = load_campaign(file).model_copy(update={"folder": str(folder / NAME)})
            start = time.perf_counter()
            with Store(connection) as store, open_launchpad(connection) as launchpad:
                register(store, spec, base=folder)
                results = Results(spec, Context(store, NAME), kept=batch // walkers + 2)
                watch = Watch(server.status().pid or 0)
                benchmark = Benchmark(store, launchpad, results, watch)
                benchmark.run()
                found = summary(benchmark.rows)
                found |= sizes(store, folder / NAME, found["labels"])
            found["walkers"] = walkers
            found["max_rss_MB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            found["mongod_max_rss_MB"] = high_water(server.status().pid)
            found["wall_s"] = round(time.perf_counter() - start, 1)
        finally:
            server.stop()
    if given.quick:
        found["quick"] = True
    print(json.dumps(found))


def high_water(pid: int | None) -> int:
    """Most memory that a process has had, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()
