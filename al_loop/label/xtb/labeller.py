"""The xTB labeller."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from ase import Atoms

from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineMissing
from al_loop.label.faults import check_frame
from al_loop.label.interface import FingerprintValue, Label
from al_loop.label.xtb.options import XtbOptions
from al_loop.label.xtb.run import single_point
from al_loop.threads import one_thread

_INSTALL = 'pip install "al-loop[xtb]"'


class XtbLabeller:
    """GFN1-xTB (Grimme, Bannwarth, Shushkov, JCTC 13, 1989 (2017)) or GFN2-xTB
    (Bannwarth, Ehlert, Grimme, JCTC 15, 1652 (2019)), periodic, in process.

    tblite samples the Γ point alone: a 24-atom cell of cristobalite is within 5 meV/atom of
    large ones, but its 6-atom cell is 0.7 eV/atom off, so give it cells of 24 atoms or more.
    It cuts its lattice sums off by distance: energies of equivalent frames differ by some
    1e-5 eV/atom.

    It runs on one OpenMP thread, whatever the environment says and only while it computes:
    one process a core beats threads, and the order of summation, hence the last bit, stays
    the same.
    """

    Options: ClassVar[type[EngineOptions]] = XtbOptions
    preload: ClassVar[tuple[str, ...]] = ("tblite.interface", "threadpoolctl")

    def __init__(self, options: XtbOptions) -> None:
        self.options = options

    @property
    def cores(self) -> int:
        """Always 1."""
        return 1

    def check(self) -> str:
        """``tblite 0.8.0``, or EngineMissing."""
        found = _version()
        try:
            importlib.import_module("tblite.interface")
        except ImportError as error:
            raise EngineMissing(
                f"tblite {found} is installed but cannot be loaded: {error.__cause__ or error}",
                remedy="install the library that it names (libgomp: your system's libgomp1)",
            ) from error
        return f"tblite {found}"

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """Method, thresholds and tblite's minor version.

        Minor versions differ: the energy of a CO2 crystal in tblite's documentation is
        0.01 eV/atom off what 0.8 computes. ``max_iterations`` is left out: it decides whether
        there is an answer, not which.
        """
        return {
            "engine": "tblite",
            "version": ".".join(_version().split(".")[:2]),
            "method": self.options.method,
            "accuracy": self.options.accuracy,
            "electronic_temperature": self.options.electronic_temperature,
            "kpoints": "gamma",
        }

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame; PhysicsFault when tblite has no answer for it."""
        check_frame(atoms)
        with one_thread("tblite.interface"):
            return single_point(atoms, self.options)


def _version() -> str:
    try:
        return version("tblite")
    except PackageNotFoundError:
        raise EngineMissing("tblite is not installed here", remedy=_INSTALL) from None
