"""What al_loop asks of a queueing system, and how its commands are run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from al_loop.errors import MachineError

TIMEOUT_SECONDS = 60.0
"""A busy scheduler answers late; one that takes longer than this is not asked again and again."""

QueueState = Literal["waiting", "running", "ended", "unknown"]
"""``unknown``: the scheduler has answered and does not have the job. It neither waits nor runs."""


@dataclass(frozen=True)
class QueueJob:
    """What a scheduler knows of a job."""

    id: str
    state: QueueState
    reason: str = ""
    """Why it waits, or how it ended, in the scheduler's own words: Priority, TIMEOUT."""
    exit: str = ""
    """Exit code as the scheduler writes it (Slurm: code:signal); empty when it does not say."""


class Scheduler(Protocol):
    """A queueing system. One that cannot be asked raises MachineError: no answer is not "gone"."""

    def jobs(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """What has become of jobs: one entry for each id."""
        ...

    def cancel(self, id: str) -> None:
        """End a job; one that has ended already is fine."""
        ...


@dataclass(frozen=True)
class Answer:
    """What a command has said."""

    out: str
    err: str
    code: int

    def words(self) -> str:
        """What a person should see of it."""
        return self.err.strip() or self.out.strip() or f"exit code {self.code}, without a word"


def ask(*command: str) -> Answer:
    """Run one of a scheduler's commands, in plain English and without a shell.

    Raises
    ------
    MachineError
        It is not there, or does not answer in time.
    """
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
        )
    except OSError as error:
        raise MachineError(
            f"{command[0]} cannot be run here: {error.strerror}",
            remedy="the scheduler's commands must be in PATH; or run this on the login node",
        ) from None
    except subprocess.TimeoutExpired:
        raise refusal(command, f"no answer after {TIMEOUT_SECONDS:.0f} s") from None
    return Answer(done.stdout, done.stderr, done.returncode)


def refusal(command: Sequence[str], words: str) -> MachineError:
    """Error of a command that could not do what it was asked for."""
    return MachineError(
        f"`{' '.join(command)}` failed: {words}",
        remedy="nothing was concluded from it; it is asked again at the next pass",
    )
