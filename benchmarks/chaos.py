"""Nothing is lost: campaigns under random SIGKILLs of jobs, workers, `al-loop run` and mongod.

    python benchmarks/chaos.py [--kills 200] [--seed 1] [--quick]

One campaign with deterministic engines (a linear potential learns BKS silica) is run undisturbed.
The same campaign is then run under kills, again and again from an empty folder and an empty
database, until there have been as many kills as asked for. The seed says who is killed and when:

job      the process that computes in a job folder. At most twice the same job: one that dies three
         times by itself is given up, as it should be
worker   a worker of `al-loop run`, in the middle of whatever it does: its job, an update of
         FireWorks or of our own collections. `al-loop run` puts another in its place
run      `al-loop run` itself, with all of its workers; the same command is given again at once
mongod   started again after up to a second; once (not with --quick) it stays away for a minute.
         Not while `al-loop run` starts: without a database it says so at once, and ends

The last line is one JSON object. Its first keys:

kills            as many as were asked for
labels_lost      frames that have a label in the undisturbed run but not in a disturbed one, or
                 whose label was seen on disk or in the database and is not there at the end
labels_repeated  computations of a label beyond the first, by the jobs' logs (``computed.log``)
jobs_repeated    jobs that were computed again although a valid ``result.json`` was there
seconds_lost     wall time of the disturbed runs beyond that of as many undisturbed ones: work that
                 was thrown away, starts of new processes, noticing, and the time for which the
                 benchmark itself kept the database away (``seconds_without_database``)

It ends with code 1 when a label is lost or repeated, a job is repeated, a run gives up, or a
disturbed campaign does not end with exactly the frames, labels and forces (all bits) of the
undisturbed one.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from al_loop.store import Store
from benchmarks.killing import NAME, Harm, Round
from tests.campaigns import Outcome, computed, outcome

LONG_OUTAGE = 60.0
PATIENCE = 600.0
"""Seconds after which a run that does not end is called stuck."""


@dataclass
class Account:
    """What all disturbed rounds together have lost."""

    lost: int = 0
    repeated: int = 0
    jobs_repeated: int = 0
    gave_up: int = 0
    rounds: int = 0
    labels: int = 0
    jobs: int = 0
    seconds: float = 0.0
    same: bool = True


def live(round_: Round, harm: Harm, account: Account) -> Outcome:
    """Let a round come to its end, under harm while there is some left."""
    strike = time.monotonic() + harm.pause()
    while True:
        if (code := round_.run.poll()) is not None:
            if code == 0:
                break
            account.gave_up += 1
            print(f"`al-loop run` ended with code {code}: {_last_lines(round_)}")
            if account.gave_up > 5:
                raise SystemExit("it gave up too often")
            round_.again()
        if time.monotonic() - round_.began > PATIENCE:
            raise SystemExit(f"stuck: {_last_lines(round_)}")
        round_.ledger.look()
        if harm.left and time.monotonic() > strike:
            harm.strike(round_)
            strike = time.monotonic() + harm.pause()
        time.sleep(0.05)
    account.seconds += time.monotonic() - round_.began
    with Store(round_.connection) as store:
        return outcome(store, NAME)


def settle(round_: Round, found: Outcome, reference: Outcome, account: Account) -> None:
    """Count what a round has lost."""
    stored = round_.stored_labels()
    round_.ledger.look_closely(stored)
    counts = computed(round_.campaign)
    account.rounds += 1
    account.lost += len((round_.ledger.labels | reference.labels.keys()) - stored)
    account.repeated += sum(counts.values()) - len(counts)
    account.jobs_repeated += len(round_.ledger.repeated)
    account.labels += len(found.labels)
    account.jobs += len(round_.ledger.results)
    account.same &= found == reference


def _last_lines(round_: Round) -> str:
    return "\n".join((round_.file.parent / "run.log").read_text().splitlines()[-12:])


def chaos(folder: Path, *, kills: int, seed: int, iterations: int, long_outage: float) -> Report:
    """The undisturbed round, then disturbed ones until there have been enough kills."""
    calm = Account()
    first = Round(folder / "undisturbed", iterations=iterations)
    try:
        reference = live(first, Harm(random.Random(seed), 0, 0.0), calm)
        settle(first, reference, reference, calm)
    finally:
        first.close()
    print(f"undisturbed: {calm.seconds:.0f} s, {calm.labels} labels, {calm.jobs} jobs")
    harm, account = Harm(random.Random(seed), kills, long_outage), Account()
    while harm.left:
        round_ = Round(folder / f"round-{account.rounds}", iterations=iterations)
        try:
            found = live(round_, harm, account)
            settle(round_, found, reference, account)
        finally:
            round_.close()
        killed = ", ".join(f"{n} {who}" for who, n in sorted(harm.kills.items()))
        print(
            f"round {account.rounds}: killed so far: {killed}; {account.seconds:.0f} s", flush=True
        )
    return Report(calm, account, harm)


@dataclass(frozen=True)
class Report:
    """What is printed."""

    calm: Account
    account: Account
    harm: Harm

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, repeated or different."""
        a = self.account
        return a.same and not (a.lost or a.repeated or a.jobs_repeated or a.gave_up)

    def line(self) -> str:
        """The JSON object."""
        a, harm = self.account, self.harm
        lost = a.seconds - a.rounds * self.calm.seconds
        return json.dumps(
            {
                "kills": sum(harm.kills.values()),
                "labels_lost": a.lost,
                "labels_repeated": a.repeated,
                "jobs_repeated": a.jobs_repeated,
                "seconds_lost": round(lost, 1),
                "same_outcome": a.same,
                "runs_that_gave_up": a.gave_up,
                "killed": dict(sorted(harm.kills.items())),
                "rounds": a.rounds,
                "labels": a.labels,
                "jobs": a.jobs,
                "jobs_interrupted": harm.interrupted,
                "seconds_of_work_interrupted": round(harm.seconds_interrupted, 1),
                "seconds_without_database": round(harm.seconds_without_database, 1),
                "seconds": round(a.seconds, 1),
                "undisturbed_seconds": round(self.calm.seconds, 1),
            }
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, help="default: 200, or 15 with --quick")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a shorter campaign, fewer kills")
    parser.add_argument("--folder", type=Path, help="where to work; it is kept")
    options = parser.parse_args()
    kills = options.kills or (15 if options.quick else 200)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="al-loop-chaos-"))
    report = chaos(
        folder.absolute(),
        kills=kills,
        seed=options.seed,
        iterations=3 if options.quick else 8,
        long_outage=0.0 if options.quick else LONG_OUTAGE,
    )
    if options.folder is None and report.is_good:
        shutil.rmtree(folder)
    elif not report.is_good:
        print(f"everything is kept in {folder}")
    print(report.line())
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
