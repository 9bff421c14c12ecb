"""What VASP and its launcher say when there is no answer, as faults. Pure text.

A fault is an answer about the frame or the settings, and recorded; anything else is the machine's,
and the job fails with VASP's last words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from al_loop.errors import PhysicsFault

REMEDIES: Mapping[str, str] = {
    "scf-not-converged": "raise label.options.max_iterations, or set incar: {ALGO: All}; frames "
    "from a wild trajectory do not converge: refuse them with select.min_distance",
    "eigenvalue-problem": "atoms may be too close: refuse such frames with select.min_distance; "
    "if calm frames fail too, set incar: {ALGO: Normal} and less NCORE",
    "charge-mixing-failed": "set smaller mixing under incar (AMIX, BMIX), or ALGO: All",
    "method-changed": "set what custodian proposes in label.options, for all frames, if it is "
    "right; labels of two methods are never mixed",
    "vasp-refused-input": "read vasp.out in the frame's scratch folder and correct label.options",
    "other-frame": "a program between al_loop and VASP changes the structure: look at the command",
    "stress-missing": "this VASP writes no stress: look at OUTCAR in the frame's scratch folder",
    "vasp-failed": "read vasp.out in the frame's scratch folder",
}

_REASONS: Mapping[str, str] = {
    "Unconverged": "scf-not-converged",
    **dict.fromkeys(
        ("zpotrf", "edddav", "eddrmm", "zheev", "eddiag", "pssyevx", "pdsyevx", "subspacematrix"),
        "eigenvalue-problem",
    ),
    **dict.fromkeys(("brmix", "grad_not_orth"), "charge-mixing-failed"),
    **dict.fromkeys(
        (
            "read_error",
            "set_core_wf",
            "fexcf",
            "spin_polarized_harris",
            "tet",
            "dentet",
            "tetirr",
            "algo_tet",
            "incorrect_shift",
            "ksymm",
            "elf_kpar",
            "dfpt_ncore",
            "nbands_not_sufficient",
            "triple_product",
        ),
        "vasp-refused-input",
    ),
}
"""custodian's names of errors -> reasons; any other is ``vasp-failed``."""

_WORDS: tuple[tuple[str, str], ...] = (
    ("I REFUSE TO CONTINUE WITH THIS", "vasp-refused-input"),
    ("ERROR: the triple product", "vasp-refused-input"),
)
"""Words of VASP that custodian does not know -> reasons."""

_MACHINE = frozenset({"out_of_memory", "Frozen job", "coef"})
"""custodian's names of errors that no frame is to blame for."""


def fault_of(reason: str, what: str) -> PhysicsFault:
    """A fault of this room, with its remedy."""
    return PhysicsFault(reason, what, remedy=REMEDIES[reason])


def reason_of(errors: Collection[str], words: str) -> str | None:
    """Reason for custodian's errors and VASP's last words; None when the machine failed."""
    if _MACHINE.intersection(errors):
        return None
    if not errors:
        return next((reason for sign, reason in _WORDS if sign in words), None)
    reasons = sorted({_REASONS[error] for error in errors if error in _REASONS})
    return reasons[0] if reasons else "vasp-failed"
