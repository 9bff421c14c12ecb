"""Faults of a frame that are the same whatever the method, and of a label."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from al_loop.distances import closest_contact
from al_loop.errors import PhysicsFault
from al_loop.label.interface import Label

_SMALLEST_VOLUME = 0.1
"""Å3 per atom; a compressed solid has a hundred times more."""


def check_frame(atoms: Atoms) -> None:
    """Raise PhysicsFault when a frame is no periodic configuration of atoms at finite places."""
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise PhysicsFault(
            "frame-not-finite",
            "a position or a cell vector is not a finite number",
            remedy="drop the frame; its trajectory blew up",
        )
    if not atoms.pbc.all():
        raise PhysicsFault(
            "frame-not-periodic",
            f"the frame is periodic along {atoms.pbc.tolist()}, not along all three vectors",
            remedy="give a periodic cell",
        )
    volume = abs(float(np.linalg.det(atoms.cell.array)))
    if len(atoms) == 0 or volume < _SMALLEST_VOLUME * len(atoms):
        raise PhysicsFault(
            "cell-without-volume",
            f"{len(atoms)} atoms in a cell of {volume:.3g} Å3",
            remedy="drop the frame, or mend its cell",
        )


def check_distances(atoms: Atoms, closest: float) -> None:
    """Raise PhysicsFault when two atoms, whichever they are, are closer than ``closest`` (Å)."""
    elements = sorted(set(atoms.get_chemical_symbols()))
    pairs = {f"{a}-{b}": closest for a in elements for b in elements if a <= b}
    if closest > 0 and (contact := closest_contact(atoms, pairs)):
        raise PhysicsFault(
            "atoms-too-close",
            f"{contact.pair} at {contact.distance:.2f} Å",
            remedy="refuse such frames with select.min_distance",
        )


def check_label(label: Label, atoms: Atoms) -> Label:
    """The label with its arrays as float64, or PhysicsFault when it is no label of this frame.

    An engine that answers with NaN, infinity or the wrong shape is caught here, before its
    answer is written anywhere.
    """
    try:
        energy = np.asarray(label.energy, dtype=np.float64)
        forces = np.asarray(label.forces, dtype=np.float64)
        virial = None if label.virial is None else np.asarray(label.virial, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PhysicsFault(
            "bad-shape", f"the label is not made of numbers: {error}", remedy=_MEND_ENGINE
        ) from None
    for name, array, shape in (
        ("energy", energy, ()),
        ("forces", forces, (len(atoms), 3)),
        ("virial", virial, (3, 3)),
    ):
        if array is None:
            continue
        if array.shape != shape:
            raise PhysicsFault(
                "bad-shape",
                f"{name} of shape {array.shape}; {shape} is needed for {len(atoms)} atoms",
                remedy=_MEND_ENGINE,
            )
        if not np.isfinite(array).all():
            raise PhysicsFault(
                "not-finite",
                f"{np.count_nonzero(~np.isfinite(array))} value(s) of {name} are NaN or infinite",
                remedy="look at the frame: its atoms may be too close",
            )
    return Label(
        float(energy), forces, virial, note=label.note, corrections=tuple(label.corrections)
    )


_MEND_ENGINE = "the engine that made this label has a fault: tell its author"
