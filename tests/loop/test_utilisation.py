"""The policies together keep workers busy: the simulated campaign of the benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "utilisation.py"


def test_workers_are_busy_nine_tenths_of_their_time() -> None:
    """Simulated time: the same numbers on every machine."""
    run = subprocess.run(
        [sys.executable, BENCHMARK, "--quick"], capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["ours"] >= 0.9
    assert found["barrier"] < 0.7
    assert found["barrier_of_8"] < found["barrier"] < found["quorum"]
