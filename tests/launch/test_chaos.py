"""The benchmark of kills, with a few of them: what it prints, and that nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

CHAOS = Path(__file__).parents[2] / "benchmarks" / "chaos.py"


def test_random_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    command = [sys.executable, CHAOS, "--quick", "--seed", "2", "--folder", tmp_path / "chaos"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=540)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    last = json.loads(done.stdout.splitlines()[-1])
    first = ("kills", "labels_lost", "labels_repeated", "jobs_repeated", "seconds_lost")
    assert tuple(last)[:5] == first
    assert [last[key] for key in first[:4]] == [15, 0, 0, 0], said
    assert last["same_outcome"] and not last["runs_that_gave_up"], said
