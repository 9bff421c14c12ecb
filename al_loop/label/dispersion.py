"""D3 that is added to what a labeller has computed.

Jobs know nothing of it: they compute bare labels, which cost core-hours, and the loop adds what
costs milliseconds. So a bare label serves campaigns with and without D3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ase import Atoms

from al_loop.d3 import D3, correction, d3_version
from al_loop.label.interface import FingerprintValue, Label


def with_dispersion(label: Label, atoms: Atoms, d3: D3) -> Label:
    """A bare label of a frame with the frame's D3; PhysicsFault where there is none."""
    added = correction(atoms, d3)
    return replace(
        label,
        energy=label.energy + added.energy,
        forces=label.forces + added.forces,
        virial=None if label.virial is None else label.virial + added.virial,
    )


def fingerprint_with_dispersion(
    bare: Mapping[str, FingerprintValue], d3: D3
) -> dict[str, FingerprintValue]:
    """The method of labels with D3: the bare one's, and all that the correction depends on."""
    return {
        **bare,
        "added dispersion": f"D3 {d3.damping} {d3.functional}",
        "added dispersion cutoff": d3.cutoff,
        "added dispersion cn_cutoff": d3.cn_cutoff,
        "added dispersion program": f"s-dftd3 {d3_version().partition('.')[0]}",
    }
