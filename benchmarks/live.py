"""Labels needed for a force error, by rule of selection, in live campaigns of silica.

    python benchmarks/live.py --teacher MODEL.pb [--quick] [--folder FOLDER]

Three campaigns of `al-loop run` that differ only in `select`: `random` (any sane frame of the
walkers), `dpgen` (a fixed band of deviations, at random inside), `ours` (levels calibrated by the
campaign's own labels, diverse batches; audit frames count as labels). LAMMPS explores alpha-quartz
and alpha-cristobalite at 300, 900 and 1500 K under each iteration's committee; the frozen model
labels. Same start, labels an iteration, training (from scratch, the same steps), seed. In all three
a crystal at a temperature without one candidate is labelled at its earliest failed frames, as in
any campaign; DP-GEN itself does not do that.

Each committee is measured on frames that no rule chose: the teacher's own dynamics from the same
crystals at the same temperatures. The last line is one JSON object: labels at which each rule's
mean curve first comes down to the error that random ends at; null where it does not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).parents[1]))

from al_loop.train.deepmd.predictor import DeepmdPredictor
from al_loop.units import Array
from benchmarks.against_dpgen import ours
from benchmarks.commands import call, status
from benchmarks.labelling_rules import labels_needed, mean_curve
from benchmarks.live_task import (
    CRYSTALS,
    FULL,
    QUICK,
    RULES,
    TEMPERATURES,
    Size,
    at_temperature,
    campaign,
    frames_at,
)
from benchmarks.zeolite_pool import ELEMENTS, Frame, one_thread_each, test_error


@dataclass(frozen=True)
class Record:
    """One campaign: labels and force RMSE (eV/Å) of each committee, the last by temperature.

    ``explored``: shares of accurate, candidate and failed samples of each iteration.
    """

    labels: list[int]
    error: list[float]
    by_temperature: dict[int, float]
    explored: list[list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Labels needed for a force error, live.")
    parser.add_argument("--teacher", type=Path, required=True, help="frozen model of silica")
    parser.add_argument("--quick", action="store_true", help="one seed, two iterations")
    parser.add_argument("--seeds", type=int, help="starts, each with its own campaigns")
    parser.add_argument("--iterations", type=int, help="of each campaign")
    parser.add_argument("--folder", type=Path, help="an empty folder to work in, which is kept")
    asked = parser.parse_args()
    if not asked.teacher.is_file():
        raise SystemExit(
            f"--teacher: {asked.teacher} is not there; give a frozen model of Si and O"
        )
    size = QUICK if asked.quick else FULL
    size = replace(
        size,
        seeds=asked.seeds or size.seeds,
        iterations=asked.iterations or size.iterations,
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="al-loop-") as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        result = compare(asked.teacher.absolute(), folder, size)
    result |= {"quick": asked.quick, "seconds": round(time.monotonic() - began)}
    print(json.dumps(result))
    return 0


def compare(teacher: Path, folder: Path, size: Size) -> dict[str, Any]:
    """Run all campaigns in a folder; what comes out."""
    test = make_test(teacher, size)
    records: dict[str, list[Record]] = {rule: [] for rule in RULES}
    try:
        for seed in range(size.seeds):
            for rule in RULES:
                spec = campaign(rule, seed=seed, teacher=teacher, size=size)
                records[rule].append(run_campaign(spec, folder, test, size))
    finally:
        call(folder, "db", "stop")
    return summary(records, size)


def make_test(teacher: Path, size: Size) -> list[Frame]:
    """Test frames of all crystals at all temperatures, two trajectories at a time."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn, initializer=one_thread_each) as workers:
        jobs = [
            workers.submit(frames_at, teacher, name, temperature, size)
            for name in CRYSTALS
            for temperature in TEMPERATURES
        ]
        test = [frame for job in jobs for frame in job.result()]
    for temperature in TEMPERATURES:
        forces = [test[i].labelled.forces for i in at_temperature(test, temperature)]
        rms = float(np.sqrt(np.mean(np.concatenate(forces) ** 2)))
        print(
            f"test frames at {temperature} K: {len(forces)}, forces of {rms:.2f} eV/Å", flush=True
        )
    return test


def run_campaign(spec: dict[str, Any], folder: Path, test: list[Frame], size: Size) -> Record:
    """Run a campaign to its end, and measure its committees."""
    name = str(spec["name"])
    file = folder / f"{name}.yaml"
    YAML(typ="safe").dump(spec, file)
    call(folder, "run", file.name)
    counts = [one["counts"] for one in status(folder, name)["iterations"]]
    committees = [predictions(models, test) for models in ours.committees(folder, name)]
    record = Record(
        labels=labels_of([one["labelled"] for one in counts], size),
        error=[test_error(forces, test) for forces in committees],
        by_temperature={
            kelvin: test_error([committees[-1][i] for i in own], [test[i] for i in own])
            for kelvin in TEMPERATURES
            if (own := at_temperature(test, kelvin))
        },
        explored=[shares(one) for one in counts if one["explored"]],
    )
    for n, rmse, seen in zip(record.labels, record.error, [*record.explored, []], strict=True):
        print(f"{name}: {n} labels {rmse:.4f} eV/Å; explored {seen}", flush=True)
    return record


def labels_of(labelled: Sequence[int], size: Size) -> list[int]:
    """Labels that each committee was trained on, from what each iteration labelled.

    The first counts the start's labels, too; the last one labels nothing.
    """
    return [size.start, *accumulate(labelled[: size.iterations])]


def shares(counts: dict[str, int]) -> list[float]:
    """Accurate, candidate and failed samples as shares of all."""
    kinds = ("accurate", "candidate", "failed")
    return [round(counts[kind] / counts["explored"], 3) for kind in kinds]


def predictions(models: Sequence[Path], frames: Sequence[Frame]) -> list[Array]:
    """Forces of a committee's members for each frame, (members, atoms, 3), eV/Å."""
    members = [DeepmdPredictor(model, ELEMENTS) for model in models]
    return [np.stack([m.predict(one.labelled.atoms)[1] for m in members]) for one in frames]


def summary(records: dict[str, list[Record]], size: Size) -> dict[str, Any]:
    """Curves of the mean over the seeds, and labels needed for the error that random ends at."""
    grid = [size.start + i * size.batch for i in range(size.iterations + 1)]
    curves = {
        rule: mean_curve([(one.labels, one.error) for one in runs], grid)
        for rule, runs in records.items()
    }
    target = curves["random"][1][-1]
    return {
        "benchmark": "live",
        **{rule: labels_needed(*curve, target) for rule, curve in curves.items()},
        "target_rmse": target,
        "target_labels": curves["random"][0][-1],
        "curves": curves,
        "curves_of_seeds": {k: [(r.labels, r.error) for r in v] for k, v in records.items()},
        "last_by_temperature": {k: [r.by_temperature for r in v] for k, v in records.items()},
        "explored": {k: [r.explored for r in v] for k, v in records.items()},
        "steps": size.steps,
        "seeds": size.seeds,
    }


if __name__ == "__main__":
    sys.exit(main())
