"""What a job's start costs: a fork of a warm server against a fresh interpreter.

    python benchmarks/startup.py [--quick]

Both do the same jobs (one small frame, the cheapest labeller), with the modules of the quickstart's
engines imported, as a training job needs them. The last line is one JSON object: seconds a job each
way, their ratio, and the seconds that the server itself took to be ready (once in a worker's life).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from al_loop.campaign import engine_class
from al_loop.campaign.engines import EngineKind
from al_loop.frame import frame_hash
from al_loop.label import stage_label_job
from al_loop.launch.child import preload_modules, run_job_in_child, start_fork_server
from al_loop.structures import crystal

ENGINES: dict[EngineKind, str] = {"train": "deepmd", "explore": "lammps", "label": "pair"}


def stage(folder: Path) -> Path:
    """A job that takes milliseconds."""
    atoms = crystal("beta-cristobalite")
    options = engine_class("label", "pair").Options()
    stage_label_job(folder, engine="pair", options=options, frames={frame_hash(atoms): atoms})
    return folder


def fresh(folder: Path, modules: list[str]) -> None:
    """The job in an interpreter of its own."""
    code = f"import importlib; [importlib.import_module(m) for m in {modules!r}]\n"
    code += "from pathlib import Path; from al_loop.loop.jobs import run_job\n"
    code += f"run_job(Path({str(folder)!r}))\n"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer jobs")
    jobs = 2 if parser.parse_args().quick else 6
    modules = preload_modules(ENGINES)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        start = time.perf_counter()
        start_fork_server(modules, log=root / "server.log", wait=True)
        ready = time.perf_counter() - start
        times: dict[str, list[float]] = {"fork": [], "fresh": []}
        for i in range(jobs):
            for way in times:
                folder = stage(root / f"{way}-{i}")
                start = time.perf_counter()
                run_job_in_child(folder) if way == "fork" else fresh(folder, modules)
                times[way].append(time.perf_counter() - start)
                print(f"{way:6s} {times[way][-1]:.2f} s")
    fork, new = min(times["fork"]), min(times["fresh"])
    result = {"fork_s": fork, "fresh_s": new, "ratio": new / fork, "server_ready_s": ready}
    print(json.dumps({key: round(value, 3) for key, value in result.items()}))


if __name__ == "__main__":
    main()
