"""custodian's job and handlers for single points of VASP, and the one handler of ours.

Imported only where VASP runs: custodian and pymatgen take seconds to import.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from custodian.custodian import ErrorHandler, Validator
from custodian.vasp.handlers import (
    FrozenJobErrorHandler,
    StdErrHandler,
    UnconvergedErrorHandler,
    VaspErrorHandler,
)
from custodian.vasp.jobs import VaspJob
from custodian.vasp.validators import VaspFilesValidator, VasprunXMLValidator

from al_loop import stopping
from al_loop.errors import EngineMissing, JobStopped
from al_loop.jobfolder import held_locks

STOPCAR = "LABORT = .TRUE.\n"
PATIENCE = 60.0
"""Seconds that VASP has to end its SCF cycle after STOPCAR, and then to end on SIGTERM."""


class SinglePointJob(VaspJob):  # type: ignore[misc]
    """custodian's VaspJob, started in our process group: who kills the job kills VASP too."""

    before_start: Callable[[], None] = staticmethod(lambda: None)
    """Called before each start of VASP; what it raises ends the run."""

    _vasp_process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """VASP as it was started last."""
        return self._vasp_process

    def run(self, directory: str = "./") -> subprocess.Popen[bytes]:
        """Start VASP. Raises EngineMissing when the command cannot be started."""
        self.before_start()
        folder = Path(directory)
        with (
            (folder / self.output_file).open("wb") as output,
            (folder / self.stderr_file).open("wb") as errors,
        ):
            try:
                self._vasp_process = subprocess.Popen(
                    self.vasp_cmd,
                    cwd=folder,
                    pass_fds=held_locks(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                )
            except OSError as error:
                raise EngineMissing(
                    f"VASP is not installed here: {error}",
                    where=self.vasp_cmd[0],
                    remedy="correct label.options.command, or load VASP's module in the job",
                ) from None
        return self._vasp_process

    def terminate(self, directory: str = "./") -> None:
        """End VASP, and what a launcher (srun, mpirun) has started for it."""
        process = self._vasp_process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout=self.terminate_timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class VaspErrors(VaspErrorHandler):  # type: ignore[misc]
    """custodian's handler, also where VASP died in its first SCF cycle.

    For EDDDAV custodian asks OUTCAR for the number of electrons, and fails itself when it is not
    there yet; without an OUTCAR it does not.
    """

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Custodian's correction."""
        outcar = Path(directory) / "OUTCAR"
        text = outcar.read_text(errors="replace") if outcar.is_file() else ""
        if "edddav" in self.errors and text and "number of electron " not in text:
            outcar.rename(outcar.with_name("OUTCAR.died"))
        corrected: dict[str, Any] = super().correct(directory)
        return corrected


class StopRequests(ErrorHandler):  # type: ignore[misc]
    """Asks VASP to end (STOPCAR) when the job is asked to stop, and then raises JobStopped.

    It never reports an error. A VASP that ended well before it saw the request keeps its answer.
    """

    is_monitor = True

    def __init__(self, job: SinglePointJob, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._asked: float | None = None

    def check(self, directory: str = "./") -> bool:
        """Look at the request and at VASP; always False."""
        process = self._job.process
        if process is None or not stopping.requested():
            return False
        if process.poll() is None:
            self._ask()
        elif self._asked is not None or process.returncode != 0:
            raise JobStopped(
                "VASP was stopped on request; its frame begins anew", where=self._folder
            )
        return False

    def _ask(self) -> None:
        if self._asked is None:
            (self._folder / "STOPCAR").write_text(STOPCAR)
            self._asked = time.monotonic()
        elif time.monotonic() - self._asked > PATIENCE:
            self._job.terminate()

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Nothing is ever corrected."""
        return {"errors": [], "actions": None}


def handlers_for(job: SinglePointJob, folder: Path, *, frozen_after: float) -> list[ErrorHandler]:
    """Handlers for a single point.

    Left out, because they cannot help one or would change its method: those of relaxations and MD
    (POTIM, drift, positive energy), of symmetry meshes, and the one that shrinks the smearing.
    """
    unconverged = UnconvergedErrorHandler()
    unconverged.max_num_corrections = 2  # ALGO, then the mixing; after that it goes in circles
    unconverged.raise_on_max = True
    return [
        StopRequests(job, folder),
        VaspErrors(),
        StdErrHandler(),
        unconverged,
        FrozenJobErrorHandler(timeout=frozen_after),
    ]


def validators() -> list[Validator]:
    """vasprun.xml is whole, and the other files are there."""
    return [VasprunXMLValidator(), VaspFilesValidator()]
