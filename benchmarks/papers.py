"""The papers' small campaigns, each to its end.

    python benchmarks/papers.py [NAME ...] [--quick] [--folder FOLDER]

Runs `al-loop run` with each of `configs/*-small.yaml` (or those whose file begins with a NAME; with
``--quick`` the smallest), one after the other, and tells of each iteration what was explored,
labelled and how wrong the committee was. With ``--folder`` campaigns are kept, with their
reports; one that has ended, or was interrupted, goes on. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.commands import call, status

CONFIGS = Path(__file__).parents[1] / "configs"
SUFFIX = "-small.yaml"
QUICK = "silica-balyakin-2020"


def main() -> None:
    """Run them, print the tables, and the JSON object last."""
    parser = argparse.ArgumentParser(description="The papers' small campaigns, to their ends.")
    parser.add_argument("names", nargs="*", help="of campaigns, or how they begin; default: all")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} alone")
    parser.add_argument("--folder", type=Path, help="folder to work in, which is kept")
    asked = parser.parse_args()
    wanted = (QUICK,) if asked.quick else tuple(asked.names)
    files = [
        f for f in sorted(CONFIGS.glob(f"*{SUFFIX}")) if not wanted or f.name.startswith(wanted)
    ]
    if not files:
        known = ", ".join(f.name.removesuffix(SUFFIX) for f in CONFIGS.glob(f"*{SUFFIX}"))
        parser.error(f"no small campaign begins with {' or '.join(wanted)}; there are {known}")
    with tempfile.TemporaryDirectory(prefix="al-loop-") as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for curve in CONFIGS.glob("*.csv"):
            shutil.copy(curve, folder)
        try:
            found = {file.stem: run(file, folder) for file in files}
        finally:
            call(folder, "db", "stop")
    print(json.dumps({"benchmark": "papers", "quick": asked.quick, "campaigns": found}))


def run(file: Path, folder: Path) -> dict[str, Any]:
    """One campaign, to its end: what it came to."""
    shutil.copy(file, folder)
    began = time.monotonic()
    call(folder, "run", file.name)
    seconds = time.monotonic() - began
    name = file.stem
    call(folder, "report", name, "-o", f"{name}.html")
    campaign = status(folder, name)
    iterations = [row(one) for one in campaign["iterations"]]
    print(f"{name}: {campaign['state']} after {seconds:.0f} s, {campaign['reason']}")
    for one in iterations:
        print(" ", one, flush=True)
    return {
        "state": campaign["state"],
        "reason": campaign["reason"],
        "seconds": round(seconds),
        "labels": campaign["labels"],
        "iterations": iterations,
    }


def row(one: dict[str, Any]) -> dict[str, Any]:
    """Of an iteration: stage, samples, labels, force RMSE (eV/Å) on test and on audit frames."""
    counts = one["counts"]
    errors = {
        key: one[long]["force_rmse"] if one[long] else None
        for key, long in (("test", "test_errors"), ("test_of_the_end", "final_test_errors"))
    }
    return {
        "stage": one["stage"],
        **{k: counts[k] for k in ("explored", "accurate", "candidate", "failed", "labelled")},
        **errors,
        "audit": one["audit_error"],
        "seconds": {stage: round(length) for stage, length in one["seconds"].items()},
        "decision": one["decision"],
    }


if __name__ == "__main__":
    main()
