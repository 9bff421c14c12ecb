"""The VASP labeller."""

from __future__ import annotations

import importlib
import shlex
import shutil
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from ase import Atoms

from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineMissing, PhysicsFault
from al_loop.label.faults import check_distances, check_frame
from al_loop.label.interface import FingerprintValue, Label
from al_loop.label.options import kpoints_in_words
from al_loop.label.vasp.inputs import tags_of_the_method
from al_loop.label.vasp.options import VaspOptions
from al_loop.label.vasp.potcar import Potcar, find_potcars
from al_loop.label.vasp.run import single_point

_CLOSEST = 0.4
"""Å; below the bond of any two atoms, H2 included (0.74), and below what its PAW spheres bear."""


class VaspLabeller:
    """VASP (Kresse, Furthmüller, PRB 54, 11169 (1996)), run by custodian.

    The label's energy is the free energy, of which VASP's forces and stress are the derivatives
    (dpdata's convention); the others are in the label's note. POTCARs come from the library of
    this machine, in ``PMG_VASP_PSP_DIR``.
    """

    Options: ClassVar[type[EngineOptions]] = VaspOptions
    preload: ClassVar[tuple[str, ...]] = ("al_loop.label.vasp.custody", "pymatgen.io.vasp.outputs")

    def __init__(self, options: VaspOptions) -> None:
        self.options = options

    @property
    def cores(self) -> int:
        """As the options say."""
        return self.options.cores

    @cached_property
    def _potcars(self) -> dict[str, Potcar]:
        _versions()
        return find_potcars(self.options.potcars, self.options.potcar_functional)

    def check(self) -> str:
        """``VASP 6 (vasp_std), custodian 2026.10.11, pymatgen 2025.10.7``, or EngineMissing."""
        packages = _versions()
        program = shlex.split(self.options.command)[0]
        if shutil.which(program) is None:
            raise EngineMissing(
                f"the command {program!r} is not installed here",
                remedy="set label.options.command to how VASP is started on the nodes, or load "
                "its module in the job (launchpad/qadapters)",
            )
        for element, potcar in self._potcars.items():
            if self.options.encut < potcar.enmax:
                raise EngineMissing(
                    f"encut is {self.options.encut:g} eV, and the POTCAR of {element} needs "
                    f"{potcar.enmax:g} eV",
                    remedy=f"set label.options.encut to {1.3 * potcar.enmax:.0f} or so",
                )
        return f"VASP {self.options.version} ({self.options.command}), {packages}"

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """INCAR tags that change numbers, k-points, version, and each POTCAR's title and hash."""
        tags = tags_of_the_method(self.options)
        return {
            "engine": "VASP",
            "version": self.options.version,
            "functional": self.options.functional,
            "kpoints": kpoints_in_words(self.options.kpoints),
            **{f"incar {tag}": _plain(value) for tag, value in tags.items()},
            **{f"potcar {el}": potcar.identity for el, potcar in sorted(self._potcars.items())},
        }

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame; see :func:`al_loop.label.vasp.run.single_point`."""
        check_frame(atoms)
        elements = sorted(set(atoms.get_chemical_symbols()))
        if unknown := [element for element in elements if element not in self.options.potcars]:
            raise PhysicsFault(
                "unknown-element",
                f"label.options.potcars has none for {', '.join(unknown)}",
                remedy="name its POTCAR there (this makes another method)",
            )
        check_distances(atoms, _CLOSEST)
        return single_point(atoms, self.options, self._potcars, scratch)


def _plain(value: object) -> FingerprintValue:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _versions() -> str:
    found = []
    for package in ("custodian", "pymatgen"):
        try:
            found.append(f"{package} {version(package)}")
            importlib.import_module(package)
        except (PackageNotFoundError, ImportError):
            raise EngineMissing(
                f"{package} is not installed here", remedy='pip install "al-loop[vasp]"'
            ) from None
    return ", ".join(found)
