"""Why a LAMMPS process ended before its time: the physics' fault, or the machine's."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["not-finite", "lost-atoms", "engine"]


@dataclass(frozen=True)
class Fault:
    """Why LAMMPS gave up on a trajectory; ``engine``: for a reason that is not known here."""

    stop: FaultKind
    detail: str


_PHYSICS: tuple[tuple[FaultKind, str], ...] = (
    ("not-finite", r"non-numeric|\bnan\b|not finite"),
    ("lost-atoms", r"lost atoms|out of range atoms|atoms? .*missing|did not assign all atoms"),
)

_MACHINE = (
    r"shared librar|unrecognized pair style|unknown pair style|unrecognized command|"
    r"unknown command|cannot open|no such file|no space left|permission denied|"
    r"bad_alloc|out of memory|cannot allocate|disk quota"
)

_KILLED = {
    signal.SIGKILL,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGPIPE,
    signal.SIGXCPU,
}

_NOISE = re.compile(r"libcudart|implib-gen|WARNING|CITE|^\s*$|cpu_feature_guard|To enable the")


def classify(output: Sequence[str], *, code: int, integrating: bool) -> Fault | None:
    """The trajectory's fault when LAMMPS gave up on it; None when the machine is to blame.

    Parameters
    ----------
    output
        Last lines that it wrote.
    code
        Its return code; negative: the signal that ended it.
    integrating
        Whether models were loaded and the run had begun.
    """
    if any(code in (-number, 128 + number) for number in _KILLED):
        return None
    said = "\n".join(line for line in output if re.search(r"error|fault", line, re.IGNORECASE))
    if re.search(_MACHINE, said, flags=re.IGNORECASE):
        return None
    for reason, pattern in _PHYSICS:
        if re.search(pattern, said, flags=re.IGNORECASE):
            return Fault(reason, _first(said))
    if not integrating:
        return None
    return Fault("engine", _first(said) or f"LAMMPS ended with code {code}")


def last_words(output: Sequence[str], *, lines: int = 8) -> str:
    """The end of the output without its usual noise, for an error message."""
    telling = [line.rstrip() for line in output if not _NOISE.search(line)]
    return "\n".join(telling[-lines:]) or "it said nothing"


def _first(said: str) -> str:
    return said.splitlines()[0].strip() if said else ""
