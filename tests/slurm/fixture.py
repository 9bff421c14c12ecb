"""A real Slurm of one node for tests: one a session. tests/conftest.py makes it known to all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("one-node")
TIMEOUT = 90


class OneNode:
    """A Slurm whose only node is this machine, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def script(self, verb: str) -> subprocess.CompletedProcess[str]:
        """Start it, stop it or ask how it is."""
        return subprocess.run(
            [SCRIPT, verb, self.folder], capture_output=True, text=True, timeout=2 * TIMEOUT
        )

    def start(self) -> None:
        """Start it, and insist."""
        done = self.script("start")
        assert done.returncode == 0, done.stderr

    def run(self, *command: str | Path) -> str:
        """Output of one of Slurm's commands, which must succeed."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def running(self) -> list[str]:
        """Ids of the jobs that run, oldest first."""
        listed = self.run("squeue", "--noheader", "--states=RUNNING", "--format=%A", "--sort=i")
        return listed.split()


def needs_slurm() -> None:
    """Skip a test where Slurm is not there and cannot be: that is, where we are not root."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if all(shutil.which(name, path=path) for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        return
    if os.getuid() == 0:
        pytest.fail("Slurm is not installed: run tests/system-packages")
    pytest.skip("Slurm is not installed: run tests/system-packages as root")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneNode]:
    needs_slurm()
    node = OneNode(tmp_path_factory.mktemp("slurm"))
    node.start()
    yield node
    node.script("stop")
