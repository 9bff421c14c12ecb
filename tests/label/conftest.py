"""Fixtures of the label room."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent

Start = Callable[..., "subprocess.Popen[bytes]"]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def test_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package in ``engines/`` look installed (it has a .dist-info folder).

    Its labellers are then found as those of any user's package are: by entry point.
    """
    monkeypatch.syspath_prepend(str(HERE / "engines"))


@pytest.fixture
def start_job() -> Iterator[Start]:
    """Start ``run_job.py`` in a process of its own; it is killed when the test ends."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: Path) -> subprocess.Popen[bytes]:
        path = [str(HERE / "engines"), str(HERE.parents[1])]
        process = subprocess.Popen(
            [sys.executable, str(HERE / "run_job.py"), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def until() -> Until:
    """Poll a condition, for a minute at most."""

    def poll(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < end, "the condition did not come true within a minute"
            time.sleep(0.005)

    return poll
