"""What CP2K says when there is no answer, as faults. Pure text.

A fault is an answer about the frame or the settings, and recorded; anything else is the machine's,
and the job fails with CP2K's last words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from al_loop.errors import PhysicsFault

REMEDIES: Mapping[str, str] = {
    "scf-not-converged": "frames from a wild trajectory do not converge: refuse them with "
    "select.min_distance; random boxes must be relaxed first; if calm frames fail: "
    "label.options.max_iterations, or solver: diagonalization with smearing",
    "eigenvalue-problem": "atoms may be too close: refuse such frames with select.min_distance",
    "cp2k-refused-input": "read cp2k.out in the frame's scratch folder and correct label.options",
    "stress-missing": "this CP2K printed no stress: look at cp2k.out in the frame's scratch folder",
    "other-frame": "a program between al_loop and CP2K changes the structure: look at the command",
    "cp2k-failed": "read cp2k.out in the frame's scratch folder",
}

_SIGNS: tuple[tuple[str, str], ...] = (
    (r"SCF run NOT converged", "scf-not-converged"),
    (r"[Cc]holesky|not positive definite|[dp]potrf|syevd?|Matrix inversion", "eigenvalue-problem"),
    (
        r"unknown (keyword|subsection)|found an unknown|invalid value|could not be (found|opened)|"
        r"not found in (the )?(file|basis|potential)|was not found|input/input_|"
        r"does not exist|MULTIPLICITY|number of electrons",
        "cp2k-refused-input",
    ),
)
_ABORT = "[ABORT]"


def fault_of(reason: str, what: str) -> PhysicsFault:
    """A fault of this room, with its remedy."""
    return PhysicsFault(reason, what, remedy=REMEDIES[reason])


def abort_message(text: str) -> str:
    """What CP2K wrote beside its ``[ABORT]``; empty when it did not abort."""
    if _ABORT not in text:
        return ""
    box = text[text.rindex(_ABORT) :].split("*****", 1)[0]
    words = [re.sub(r"^[ *|\\/_O]+|[ *]+$", "", line) for line in box.splitlines()[1:]]
    return " ".join(word for word in words if word)


def reason_of(text: str) -> str | None:
    """Reason for an output without an answer; None when the machine failed."""
    message = abort_message(text)
    if not message:
        return "scf-not-converged" if "SCF run NOT converged" in text else None
    if re.search(r"[Mm]emory|allocat", message):
        return None
    for signs, reason in _SIGNS:
        if re.search(signs, message):
            return reason
    return "cp2k-failed"
