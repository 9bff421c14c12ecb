"""What custodian changed, and whether the answer is still one of the same method. Pure.

custodian may change how the solution is looked for. It may also change what is computed: another
functional, cutoff, smearing, mesh or structure. The input files before and after tell which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from al_loop.label.vasp.incar import OF_THE_MACHINE, OF_THE_RUN, OF_THE_SOLVER

SIGMA_BOUND = 0.02
"""eV by which the smearing may be changed: less than 1 meV/atom in an insulator."""

_OF_A_LABEL = frozenset({"NSW", "ISIF", "PSTRESS"})
_HARMLESS = (OF_THE_MACHINE | OF_THE_RUN | OF_THE_SOLVER) - _OF_A_LABEL
_SAME_PLACE = 1.0e-6


def changes_of_method(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """In words, what differs between two sets of input texts and changes a label's numbers.

    The texts are those of ``INCAR``, ``KPOINTS`` and ``POSCAR``.
    """
    return [
        *_incar_changes(before["INCAR"], after["INCAR"]),
        *_kpoints_changes(before["KPOINTS"], after["KPOINTS"]),
        *_poscar_changes(before["POSCAR"], after["POSCAR"]),
    ]


def in_words(corrections: Iterable[Mapping[str, Any]]) -> str:
    """Custodian's corrections as one line: ``edddav (INCAR ALGO = All, ISEARCH = 1)``."""
    return "; ".join(
        f"{', '.join(sorted(map(str, one['errors'])))} ({_actions(one['actions'] or ()) or 'none'})"
        for one in corrections
    )


def _actions(actions: Sequence[Mapping[str, Any]]) -> str:
    words = []
    for action in actions:
        target = action.get("dict") or action.get("file")
        for verb, values in action["action"].items():
            if verb == "_set" and target != "POSCAR":
                words.append(f"{target} " + ", ".join(f"{k} = {v}" for k, v in values.items()))
            else:
                words.append(f"{target} {verb.strip('_').replace('_', ' ')}")
    return "; ".join(words)


def _incar_changes(before: str, after: str) -> list[str]:
    from pymatgen.io.vasp.inputs import Incar

    old, new = Incar.from_str(before), Incar.from_str(after)
    return [
        f"{tag} {old.get(tag, 'unset')} -> {new.get(tag, 'unset')}"
        for tag in sorted({*old, *new})
        if tag not in _HARMLESS
        and old.get(tag) != new.get(tag)
        and not _within_bounds(tag, old.get(tag), new.get(tag))
    ]


def _within_bounds(tag: str, old: Any, new: Any) -> bool:
    if tag == "NBANDS":  # empty bands more: VASP's own number depends on the cores
        return new is not None and (old is None or new >= old)
    if old is None or new is None:
        return False
    if tag == "EDIFF":
        return bool(0 < new <= old)
    return tag == "SIGMA" and abs(new - old) <= SIGMA_BOUND


def _kpoints_changes(before: str, after: str) -> list[str]:
    from pymatgen.io.vasp.inputs import Kpoints

    def mesh(text: str) -> tuple[Any, ...]:
        file = Kpoints.from_str(text)
        divisions = tuple(map(tuple, file.kpts))
        odd = all(n % 2 == 1 for n in divisions[0])  # then both styles have the same points
        style = "either" if odd else file.style.name[0]
        return divisions, style, tuple(file.kpts_shift)

    old, new = mesh(before), mesh(after)
    return [] if old == new else [f"k-points {old[0][0]} {old[1]} -> {new[0][0]} {new[1]}"]


def _poscar_changes(before: str, after: str) -> list[str]:
    from pymatgen.io.vasp.inputs import Poscar

    old, new = (Poscar.from_str(text).structure for text in (before, after))
    if len(old) != len(new) or list(old.species) != list(new.species):
        return ["the atoms"]
    if not np.allclose(old.lattice.matrix, new.lattice.matrix, rtol=0, atol=_SAME_PLACE):
        return ["the cell"]
    moved = new.frac_coords - old.frac_coords
    distance = np.linalg.norm((moved - np.rint(moved)) @ old.lattice.matrix, axis=1).max()
    return [f"atoms moved by {distance:.2g} Å"] if distance > 1.0e-5 else []
