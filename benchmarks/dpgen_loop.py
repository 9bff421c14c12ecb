"""DP-GEN's own loop against a campaign of al_loop: same start, same budget, same labeller.

    python benchmarks/dpgen_loop.py --data si-zeo22 [--quick] [--iterations N] [--folder FOLDER]

`--data` is a folder with the data set Si-ZEO22's sod.npz, abw.npz and zeo_model.pb, which labels.
`dpgen run` (local shell, two jobs at a time) and `al-loop run` (two cores) go one after
the other, from the same 20 labelled frames of sodalite and ABW: committees of 4 networks that
are trained anew each time, for the same steps; 12 walkers at 300 and 1000 K; up to 20 labels an
iteration, a last training on all labels. Every committee of both is then measured on the same
held-out frames of the labeller.

*Idle* is wall time in which all processes of a run together used less than a fifth of a core. The
last line is one JSON object; ratios are ours over DP-GEN's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np

from al_loop.frame import Labelled
from al_loop.train.deepmd.predictor import DeepmdPredictor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.against_dpgen import ours, theirs
from benchmarks.against_dpgen.task import ELEMENTS, FULL, QUICK, Task, make_task
from benchmarks.against_dpgen.watch import Watched, watch
from benchmarks.commands import AL_LOOP, call, environment, status


@dataclass(frozen=True)
class Outcome:
    """Of one loop: times in s, force RMSE per component (eV/Å) of each committee in turn."""

    watched: Watched
    stages: dict[str, float]
    labels: list[int]
    files: int
    committees: list[list[Path]]
    failed: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder of Si-ZEO22")
    parser.add_argument("--quick", action="store_true", help="two small iterations")
    parser.add_argument("--iterations", type=int, help="instead of 4 (quick: 2)")
    parser.add_argument("--folder", type=Path, help="an empty folder to work in, which is kept")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    size = replace(size, iterations=asked.iterations or size.iterations)
    with tempfile.TemporaryDirectory(prefix="al-loop-") as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        task = make_task(asked.data.absolute(), empty(folder / "start"), size)
        outcomes = {
            "dpgen": run_dpgen(task, empty(folder / "dpgen")),
            "ours": run_ours(task, empty(folder / "ours")),
        }
        figures = {name: summary(one, task) for name, one in outcomes.items()}
    print_table(figures)
    print(json.dumps({"benchmark": "dpgen_loop", "quick": asked.quick, **result(figures)}))


def empty(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def run_dpgen(task: Task, folder: Path) -> Outcome:
    theirs.write_run(task, folder)
    watched = watch(
        ["dpgen", "run", "param.json", "machine.json"], folder=folder, environment=environment()
    )
    log = (folder / "dpgen.log").read_text()
    return Outcome(
        watched=watched,
        stages=theirs.stage_seconds(log),
        labels=theirs.labels_by_iteration(folder),
        files=count_files(folder),
        committees=theirs.committees(folder),
        failed=theirs.failed_systems(log),
    )


def run_ours(task: Task, folder: Path) -> Outcome:
    file = ours.write_campaign(task, folder)
    words = ("--campaign", file.name, "--method", "campaign")
    try:
        call(folder, "import", str(task.labels), *words)
        watched = watch([AL_LOOP, "run", file.name], folder=folder, environment=environment())
        found = status(folder, ours.NAME)
    finally:
        call(folder, "db", "stop")
    return Outcome(
        watched=watched,
        stages=ours.stage_seconds(found),
        labels=[one["counts"]["labelled"] for one in found["iterations"]][: task.size.iterations],
        files=count_files(folder),
        committees=ours.committees(folder),
        failed=[],
    )


def count_files(folder: Path) -> int:
    """Files and links below a folder; of ours with the database's."""
    return sum(len(files) for _, _, files in os.walk(folder))


def summary(one: Outcome, task: Task) -> dict[str, object]:
    """Figures of a loop; the curve has the labels and the error of each committee."""
    spent = [0, *accumulate(one.labels)]
    errors = [force_rmse(models, task.held_out) for models in one.committees]
    iterations = task.size.iterations
    return {
        "labels": spent[-1],
        "wall_seconds": round(one.watched.wall, 1),
        "wall_seconds_an_iteration": round(one.watched.wall / iterations, 1),
        "idle_seconds_an_iteration": round(one.watched.idle / iterations, 1),
        "cpu_seconds": round(one.watched.cpu, 1),
        **{f"{stage}_seconds": round(length, 1) for stage, length in one.stages.items()},
        "files": one.files,
        "force_rmse": round(errors[-1], 4),
        "curve": [[n, round(e, 4)] for n, e in zip(spent, errors, strict=True)],
        "all_failed": one.failed,
    }


def force_rmse(models: Sequence[Path], frames: Sequence[Labelled]) -> float:
    """Mean over a committee of the RMSE per force component, eV/Å."""
    found = []
    for model in models:
        predictor = DeepmdPredictor(model, ELEMENTS)
        squares = [(predictor.predict(one.atoms)[1] - one.forces).ravel() ** 2 for one in frames]
        found.append(float(np.sqrt(np.concatenate(squares).mean())))
    return float(np.mean(found))


def result(figures: dict[str, dict[str, object]]) -> dict[str, object]:
    """Both, the ratios, and the labels after which ours was as good as DP-GEN at its end."""
    dpgen, mine = figures["dpgen"], figures["ours"]
    keys = [key for key, value in dpgen.items() if isinstance(value, float | int)]
    ratios = {
        key: round(float(str(mine[key])) / float(str(dpgen[key])), 3) for key in keys if dpgen[key]
    }
    return {**figures, "ratios": ratios, "labels_for_dpgens_error": labels_until(mine, dpgen)}


def labels_until(mine: dict[str, object], dpgen: dict[str, object]) -> int | None:
    curve = mine["curve"]
    assert isinstance(curve, list)
    goal = float(str(dpgen["force_rmse"]))
    return next((n for n, error in curve if error <= goal), None)


def print_table(figures: dict[str, dict[str, object]]) -> None:
    print(f"{'':28s}{'DP-GEN':>12s}{'al_loop':>12s}")
    for key, value in figures["dpgen"].items():
        if isinstance(value, float | int):
            print(f"{key.replace('_', ' '):28s}{value:>12}{figures['ours'][key]!s:>12s}")
    for name, one in figures.items():
        print(f"{name}: force RMSE after labels", one["curve"], "all failed:", one["all_failed"])


if __name__ == "__main__":
    main()
