"""The CP2K labeller."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ase import Atoms

from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineCrashed, EngineMissing, PhysicsFault
from al_loop.label.cp2k.data import Entry, find_data, identity, read_family
from al_loop.label.cp2k.inputs import make_input
from al_loop.label.cp2k.options import Cp2kOptions
from al_loop.label.cp2k.run import Answer, keep, single_point
from al_loop.label.faults import check_distances, check_frame
from al_loop.label.interface import KEPT, FingerprintValue, Label
from al_loop.label.options import kpoints_in_words

_CLOSEST = 0.4
"""Å; below the bond of any two atoms, H2 included (0.74)."""
_D3 = "dftd3.dat"
_VERSION_SECONDS = 60.0


class Cp2kLabeller:
    """CP2K's Quickstep (VandeVondele et al., Comput. Phys. Commun. 167, 103 (2005)), run as a
    program.

    Gaussian basis sets of the MOLOPT kind (VandeVondele, Hutter, JCP 127, 114105 (2007)) with
    pseudopotentials of Goedecker, Teter and Hutter; OT (VandeVondele, Hutter, JCP 118, 4365
    (2003)) by default. An odd number of electrons is computed as a doublet, spin-polarised.

    With ``restart`` the orbitals of a frame start the SCF of the next one in the same job, if
    it has the same atoms in the same order. Labels then depend on their neighbours within the
    SCF's convergence: some 1e-9 eV in energy and 1e-4 eV/Å in forces at the default EPS_SCF.
    """

    Options: ClassVar[type[EngineOptions]] = Cp2kOptions
    preload: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Cp2kOptions) -> None:
        self.options = options
        self._orbitals: tuple[list[int], bytes] | None = None
        """Numbers of the last frame, and its orbitals as CP2K wrote them."""

    @property
    def cores(self) -> int:
        """As the options say."""
        return self.options.cores

    @cached_property
    def _basis(self) -> dict[str, Entry]:
        return self._family(self.options.basis_file, self.options.basis)

    @cached_property
    def _potentials(self) -> dict[str, Entry]:
        return self._family(self.options.potential_file, self.options.potential)

    def _family(self, file: str, family: str) -> dict[str, Entry]:
        path = find_data(self.options.data, file)
        found = read_family(path.read_text(errors="replace"), family)
        if not found:
            raise EngineMissing(
                f"no entry of {family} is installed here",
                where=path,
                remedy="correct label.options.basis, potential or the names of their files",
            )
        return found

    @cached_property
    def _version(self) -> str:
        program = shlex.split(self.options.command)
        if shutil.which(program[0]) is None:
            raise EngineMissing(
                f"the command {program[0]!r} is not installed here",
                remedy="set label.options.command to how CP2K is started on the nodes, or load its "
                "module in the job; Debian: apt install cp2k",
            )
        return _version_of(program[-1])

    def check(self) -> str:
        """``CP2K 2023.1 (cp2k.psmp)``, or EngineMissing."""
        version = self._version
        self.fingerprint()  # its data are here
        return f"CP2K {version} ({self.options.command})"

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """Settings that change numbers, version, and the digests of the families of basis sets and
        pseudopotentials (all elements: one more element makes no other method)."""
        o = self.options
        return {
            "engine": "CP2K",
            "version": self._version,
            "functional": o.functional,
            "cutoff": o.cutoff,
            "rel_cutoff": o.rel_cutoff,
            "finer_grid": o.finer_grid,
            "eps_scf": o.eps_scf,
            "eps_default": o.eps_default,
            "kpoints": kpoints_in_words(o.kpoints),
            "electronic_temperature": o.electronic_temperature,
            "charge": o.charge,
            "dispersion": o.dispersion,
            "basis": f"{o.basis} {identity(self._basis)}",
            "potential": f"{o.potential} {identity(self._potentials)}",
        }

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame; see :func:`al_loop.label.cp2k.run.single_point`."""
        check_frame(atoms)
        check_distances(atoms, _CLOSEST)
        guess = self._guess_for(atoms)
        answer: Answer | None = None
        if guess is not None:
            # Orbitals of a neighbour may lead astray: then from the beginning.
            with contextlib.suppress(PhysicsFault, EngineCrashed):
                answer = self._run(atoms, scratch / "cp2k", guess)
        if answer is None:
            answer = self._run(atoms, scratch / "cp2k", None)
        self._remember(atoms, answer)
        if self.options.keep == "compressed":
            keep(scratch / "cp2k", scratch / KEPT)
        shutil.rmtree(scratch / "cp2k")
        return answer.label

    def _run(self, atoms: Atoms, folder: Path, guess: bytes | None) -> Answer:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if guess is not None:
            (folder / _GUESS).write_bytes(guess)
        o = self.options
        data = find_data(o.data, o.potential_file)
        text = make_input(
            atoms,
            o,
            basis=self._basis,
            potentials=self._potentials,
            basis_file=str(find_data(o.data, o.basis_file)),
            potential_file=str(data),
            d3_file=str(find_data(o.data, _D3)) if o.dispersion != "none" else "",
            guess=None if guess is None else _GUESS,
        )
        return single_point(atoms, o, text, folder, version=self._version, data=data.parent)

    def _guess_for(self, atoms: Atoms) -> bytes | None:
        if self._orbitals is None or self._orbitals[0] != atoms.numbers.tolist():
            return None
        return self._orbitals[1]

    def _remember(self, atoms: Atoms, answer: Answer) -> None:
        if self.options.restart and answer.orbitals is not None:
            self._orbitals = atoms.numbers.tolist(), answer.orbitals.read_bytes()


_GUESS = "guess.wfn"


def _version_of(program: str) -> str:
    try:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_VERSION_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineMissing(
            f"CP2K is not installed here: {error}",
            where=program,
            remedy="correct label.options.command",
        ) from None
    found = re.search(r"CP2K version (\S+)", done.stdout)
    if found is None:
        raise EngineMissing(
            f"{program} --version does not say that it is CP2K: "
            f"{(done.stdout + done.stderr).strip()[:200] or 'nothing'}",
            remedy="label.options.command must end with the program, such as cp2k.psmp",
        )
    return found[1]
