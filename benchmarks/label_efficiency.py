"""Labels needed for a force error: rules of selection on a pool of frames with real labels.

    python benchmarks/label_efficiency.py --data DIR [--quick]

``DIR`` holds ``<topology>.npz`` of pure-silica zeolites: positions, cells, symbols, energies and
forces in Å, eV and eV/Å, as the README of the public data set Si-ZEO22 has them. Two topologies
are held out and never trained on. All rules start from the same 20 labels, neighbours in time in
one topology, as a campaign starts from one structure. In each round a committee is trained from
scratch, with the same steps for every rule and round; it looks at frames drawn evenly from all
topologies, and the rule chooses the next batch. Audit frames count as labels.

After each seed the last line is one JSON object, over the seeds so far: labels at which each
rule's mean curve first comes down to the error that random has at ``target_labels``; null where it
does not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from al_loop.campaign.stages import TrustLevels
from al_loop.explore.deviation import atomic_deviations
from al_loop.hashing import derive_seed
from al_loop.select import ACCURATE, Calibration, Evidence, calibrate, classify
from al_loop.select import Rule as Promise
from al_loop.units import Array
from benchmarks.labelling_rules import RULES, View, labels_needed, mean_curve
from benchmarks.zeolite_pool import (
    MEMBERS,
    Committee,
    Frame,
    committee,
    environments,
    explore,
    largest_error,
    one_thread_each,
    read,
    test_error,
)

SMALL = ("sod", "edi", "dft", "sbn", "att")
"""The first is where the start's labels are."""
ALL = (*SMALL, "gis", "can", "lta")
HELD_OUT = ("abw", "mon")
START = 20
BAND = TrustLevels(lower=0.15, upper=1.0)
"""eV/Å: DP-GEN's rule, and ours before it has 30 labels of its own choice."""
BEARABLE = 0.6
"""eV/Å: the largest force error of a frame that ours need not label."""


@dataclass(frozen=True)
class Size:
    """How much is done. ``steps`` of each training; ``explored`` frames a topology and round.

    The random rule alone goes on to ``target`` labels: a training costs the same with any number.
    """

    rules: tuple[str, ...]
    seeds: int
    batches: tuple[int, ...]
    pool: tuple[str, ...]
    steps: int = 12_000
    target: int = 1000
    explored: int = 60
    tested: int = 20

    def of(self, rule: str) -> tuple[int, ...]:
        """Labels of each batch of a rule."""
        rest = self.target - START - sum(self.batches)
        return (*self.batches, rest) if rule == "random" else self.batches


QUICK = Size(("random", "dpgen", "ours"), 1, (10, 30, 90), SMALL)
FULL = Size(tuple(RULES), 3, (10, 10, 20, 40, 80), ALL)


@dataclass
class Record:
    """What one rule has come to with one seed."""

    labels: list[int] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    accurate: int = 0
    missed: int = 0
    covered: int = 0
    predicted: int = 0
    rows: list[tuple[float, float, float, int, float]] = field(default_factory=list)
    """Deviation, error, largest force, round, weight of what was labelled."""


def levels_now(record: Record) -> Calibration:
    """What the labels so far say, as `select.bearable_error` of a campaign does."""
    columns = np.array(record.rows, dtype=np.float64).reshape(-1, 5)
    evidence = Evidence(
        deviation=columns[:, 0],
        error=columns[:, 1],
        force=columns[:, 2],
        group=["SiO2"] * len(columns),
        iteration=columns[:, 3].astype(np.int64),
        weight=columns[:, 4],
    )
    return calibrate(evidence, Promise(BEARABLE, fixed=BAND))


def run_rule(
    workers: ProcessPoolExecutor,
    rule: str,
    *,
    seed: int,
    pool: Sequence[Frame],
    test: Sequence[Frame],
    size: Size,
    first_committee: list[Committee],
) -> Record:
    """The curve of one rule from one start; ``first_committee`` is filled by the first rule."""
    starts = [f for f in pool if f.topology == size.pool[0]]
    first = int(np.random.default_rng(seed).integers(len(starts) - START))
    train = starts[first : first + START]
    record = Record()
    for turn, batch in enumerate((*size.of(rule), 0)):
        count = max(size.explored, -(-batch // len(size.pool))) if batch else 0
        explored = explore(pool, train, count, derive_seed(seed, "explore", turn))
        look = [*explored, *train, *test]
        if turn == 0 and first_committee:
            forces, features = first_committee[0]
        else:
            forces, features = committee(workers, train, look, steps=size.steps)
        if turn == 0:
            first_committee[:] = [(forces, features)]
        record.labels.append(len(train))
        record.error.append(test_error(forces[-len(test) :], test))
        print(f"{rule} seed {seed}: {len(train)} labels {record.error[-1]:.4f} eV/Å", flush=True)
        if batch == 0:
            break
        view = View(
            [f.labelled.atoms for f in explored],
            [f.topology for f in explored],
            np.array([f.time for f in explored], dtype=np.int64),
            [atomic_deviations(f) for f in forces[: len(explored)]],
            [one.astype(np.float64) for one in features[: len(explored)]],
            [environments(f, x) for f, x in zip(train, features[len(explored) :], strict=False)],
        )
        chosen = choose(rule, view, explored, forces, record, batch=batch, turn=turn, seed=seed)
        if not chosen:
            break
        train = [*train, *(explored[i] for i in chosen)]
    return record


def choose(
    rule: str,
    view: View,
    explored: Sequence[Frame],
    forces: Sequence[Array],
    record: Record,
    *,
    batch: int,
    turn: int,
    seed: int,
) -> list[int]:
    """Indices of what is labelled; writes into the record what the labels have shown."""
    found = levels_now(record)
    levels = found.levels("SiO2") if rule == "ours" else BAND
    codes = classify(view.largest, levels=levels)
    error = np.array([largest_error(f, e) for f, e in zip(forces, explored, strict=False)])
    quantiles = np.quantile(view.largest, (0.1, 0.5, 0.9)).round(3).tolist()
    print(
        f"  levels {levels.lower:.3f} {levels.upper:.3f}; deviation {quantiles}; error "
        f"{np.median(error):.2f}; accurate, candidate, failed {np.bincount(codes, minlength=3)}",
        flush=True,
    )
    if rule == "ours" and found.pooled is not None:
        record.accurate += int((codes == ACCURATE).sum())
        record.missed += int((error[codes == ACCURATE] > BEARABLE).sum())
    record.covered, record.predicted = found.covered, found.predicted
    chosen = RULES[rule](view, levels, batch, derive_seed(seed, rule, turn))
    drawn = np.bincount(codes[chosen], minlength=3)
    for i in chosen:
        stands_for = float((codes == codes[i]).sum() / drawn[codes[i]])
        most = float(np.linalg.norm(explored[i].labelled.forces, axis=1).max())
        record.rows.append((float(view.largest[i]), float(error[i]), most, turn, stands_for))
    return chosen


def summary(records: dict[str, list[Record]], size: Size) -> dict[str, Any]:
    """Labels needed, from the mean curves over the seeds."""
    batches = size.of("random")
    grid = [START + sum(batches[:i]) for i in range(len(batches) + 1)]
    curves = {
        rule: mean_curve([(r.labels, r.error) for r in runs], grid)
        for rule, runs in records.items()
    }
    target = float(np.interp(size.target, *curves["random"]))
    result: dict[str, Any] = {"benchmark": "label_efficiency", "target_labels": size.target}
    result |= {rule: labels_needed(*curve, target) for rule, curve in curves.items()}
    mine = records["ours"]
    return {
        **result,
        "target_rmse": target,
        "curves": curves,
        "curves_of_seeds": {k: [(r.labels, r.error) for r in v] for k, v in records.items()},
        "bearable": BEARABLE,
        "called_accurate": sum(r.accurate for r in mine),
        "of_these_missed": sum(r.missed for r in mine),
        "covered": sum(r.covered for r in mine),
        "predicted": sum(r.predicted for r in mine),
        "pool": size.pool,
        "steps": size.steps,
        "seeds": size.seeds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Labels needed for a force error, by rule.")
    parser.add_argument("--data", type=Path, required=True, help="folder of <topology>.npz")
    parser.add_argument("--quick", action="store_true", help="one seed, five topologies")
    parser.add_argument("--seeds", type=int, help="starts, each with its own curves")
    parser.add_argument("--first", type=int, default=0, help="number of the first seed")
    parser.add_argument("--steps", type=int, help="of each training")
    parser.add_argument("--rules", nargs="+", choices=tuple(RULES), help="random and ours at least")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    size = replace(
        size,
        seeds=asked.seeds or size.seeds,
        steps=asked.steps or size.steps,
        rules=tuple(asked.rules or size.rules),
    )
    if not {"random", "ours"} <= set(size.rules):
        parser.error("--rules: random and ours are compared with the others; name them too")
    pool = [frame for name in size.pool for frame in read(asked.data, name)]
    test = []
    for name in HELD_OUT:
        frames = read(asked.data, name)
        test += [frames[i] for i in np.linspace(0, len(frames) - 1, size.tested).astype(int)]
    began = time.monotonic()
    records: dict[str, list[Record]] = {rule: [] for rule in size.rules}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(MEMBERS, mp_context=spawn, initializer=one_thread_each) as workers:
        for number in range(size.seeds):
            shared: list[Committee] = []
            for rule in size.rules:
                run = run_rule(
                    workers,
                    rule,
                    seed=asked.first + number,
                    pool=pool,
                    test=test,
                    size=size,
                    first_committee=shared,
                )
                records[rule].append(run)
            done = {**summary(records, replace(size, seeds=number + 1)), "quick": asked.quick}
            print(json.dumps({**done, "seconds": round(time.monotonic() - began)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
