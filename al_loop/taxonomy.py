"""What can go wrong, whose fault it is, and what to do: the one list of faults.

Every failure has a code: a label's ``reason``, a job's ``Failure.kind``, a finding of the
doctor. ``al-loop status`` and ``al-loop doctor`` show what stands here under the code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Whose = Literal["frame", "campaign", "node", "site", "al_loop"]
"""frame: this configuration; campaign: its options; node: the machine that ran it; site: queue,
database, disk, installation; al_loop: ours."""


@dataclass(frozen=True)
class Fault:
    """A kind of failure."""

    code: str
    what: str
    whose: Whose
    remedy: str


_ALL = (
    Fault(
        "engine-crashed",
        "an engine ended without an answer",
        "node",
        "read job.log in the job's folder; `al-loop resume` tries again",
    ),
    Fault(
        "out-of-memory",
        "the job needed more memory than it was given",
        "campaign",
        "raise resources.<stage>.memory (`al-loop amend`), then `al-loop resume`",
    ),
    Fault(
        "disk-full",
        "the disk is full",
        "site",
        "make room; `al-loop doctor --fix` then puts the jobs back",
    ),
    Fault(
        "engine-missing",
        "a program or package is not installed on that node",
        "site",
        "install it there (`al-loop check` on a node shows what is missing)",
    ),
)

FAULTS: dict[str, Fault] = {fault.code: fault for fault in _ALL}

_SIGNS: tuple[tuple[str, str], ...] = (
    ("out-of-memory", r"out of memory|oom.?kill|std::bad_alloc|MemoryError|SIGKILL"),
    ("disk-full", r"No space left on device|Disk quota exceeded|ENOSPC|Errno 28|Errno 122"),
    ("engine-missing", r"EngineMissing|is not installed here|command not found"),
)


def fault(code: str) -> Fault:
    """The fault with this code; one that is not on the list is told as it is."""
    unknown = Fault(code, code.replace("-", " "), "al_loop", "look at the job's folder")
    return FAULTS.get(code, unknown)


def diagnose(words: str) -> str:
    """Code of a job's failure, from its last words."""
    for code, signs in _SIGNS:
        if re.search(signs, words, re.IGNORECASE):
            return code
    return "engine-crashed"
