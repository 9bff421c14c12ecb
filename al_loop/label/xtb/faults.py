"""What tblite says when it has no answer, as faults with a reason and a remedy. Pure text."""

from __future__ import annotations

from al_loop.errors import PhysicsFault

_FAULTS: tuple[tuple[str, str, str], ...] = (
    (
        "SCF not converged",
        "scf-not-converged",
        "raise label.options.max_iterations or electronic_temperature; atoms that are far from "
        "equilibrium do not converge: refuse them with select.min_distance",
    ),
    (
        "Too close interatomic distances",
        "atoms-too-close",
        "refuse such frames with select.min_distance",
    ),
    (
        "No support for elements",
        "unknown-element",
        "GFN-xTB knows hydrogen to radon: use another labeller",
    ),
    (
        "failed to solve eigenvalue problem",
        "eigenvalue-problem",
        "the basis is linearly dependent or the Hamiltonian not finite: refuse atoms that are "
        "this close with select.min_distance",
    ),
)


def fault_from(message: str) -> PhysicsFault:
    """Fault for the text of a TBLiteRuntimeError."""
    for words, reason, remedy in _FAULTS:
        if words in message:
            return PhysicsFault(reason, message, remedy=remedy)
    return PhysicsFault("tblite-failed", message, remedy="look at the frame")
