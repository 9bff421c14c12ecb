"""One single point: inputs written, VASP run by custodian, its files read."""

from __future__ import annotations

import gzip
import shlex
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from signal import Signals
from typing import Any

from ase import Atoms

from al_loop import stopping
from al_loop.errors import EngineCrashed, EngineMissing
from al_loop.label.interface import KEPT, Label
from al_loop.label.vasp.corrections import changes_of_method, in_words
from al_loop.label.vasp.faults import fault_of, reason_of
from al_loop.label.vasp.inputs import Inputs, make_inputs
from al_loop.label.vasp.options import VaspOptions
from al_loop.label.vasp.parse import (
    SinglePoint,
    Unreadable,
    check_single_point,
    read_outcar,
    read_vasprun,
)
from al_loop.label.vasp.potcar import Potcar, joined
from al_loop.units import virial_from_stress

_MAX_CORRECTIONS = 5
_POLL_SECONDS = 0.25
_LOOKS = 12
"""Polls of VASP's process between two looks of custodian's monitors (and at a stop request)."""

_RAW = ("INCAR", "KPOINTS", "POSCAR", "OUTCAR", "OSZICAR", "vasprun.xml", "vasp.out")
_HEAVY = ("POTCAR", "WAVECAR", "CHGCAR", "CHG", "PROCAR", "DOSCAR", "LOCPOT", "TMPCAR", "EIGENVAL")


def single_point(
    atoms: Atoms, options: VaspOptions, potcars: dict[str, Potcar], scratch: Path
) -> Label:
    """Energy, forces and virial of a frame by VASP, run in a folder of its own in ``scratch``.

    Raises
    ------
    PhysicsFault
        No answer for this frame, or only one by another method.
    EngineCrashed, EngineMissing, JobStopped
        VASP failed, is not here, or was stopped.
    """
    folder = scratch / "vasp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    inputs = make_inputs(atoms, options)
    try:
        _write(inputs, joined(potcars, inputs.elements), folder)
        corrections = _run(folder, options)
        found = _read(folder, inputs, atoms, options)
        if options.keep == "compressed":
            _keep(folder, scratch / KEPT)
    finally:
        for name in _HEAVY:
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder)
    return _label(found, inputs, atoms, corrections)


def _write(inputs: Inputs, potcar: bytes, folder: Path) -> None:
    for name, text in _texts(inputs).items():
        (folder / name).write_text(text)
    path = folder / "POTCAR"
    path.touch(mode=0o600)
    path.write_bytes(potcar)


def _texts(inputs: Inputs) -> dict[str, str]:
    return {"INCAR": inputs.incar, "KPOINTS": inputs.kpoints, "POSCAR": inputs.poscar}


def _run(folder: Path, options: VaspOptions) -> list[dict[str, Any]]:
    """Run VASP under custodian; the corrections that were made."""
    from custodian.custodian import Custodian, CustodianError
    from custodian.utils import tracked_lru_cache

    from al_loop.label.vasp.custody import SinglePointJob, handlers_for, validators

    sent = {name: (folder / name).read_text() for name in ("INCAR", "KPOINTS", "POSCAR")}
    job = SinglePointJob(shlex.split(options.command), backup=False, auto_gamma=False)
    custodian = Custodian(
        handlers_for(job, folder, frozen_after=options.frozen_after),
        [job],
        validators=validators(),
        max_errors=_MAX_CORRECTIONS,
        max_errors_per_job=_MAX_CORRECTIONS,
        polling_time_step=_POLL_SECONDS,
        monitor_freq=_LOOKS,
        terminate_on_nonzero_returncode=False,
        directory=str(folder),
    )

    def corrections() -> list[dict[str, Any]]:
        return list(custodian.run_log[-1]["corrections"]) if custodian.run_log else []

    def before_start() -> None:
        stopping.stop_if_requested(folder)
        now = {name: (folder / name).read_text() for name in sent}
        if changes := changes_of_method(sent, now):
            raise fault_of(
                "method-changed",
                f"custodian would compute something else: {'; '.join(changes)} "
                f"[{in_words(corrections())}]",
            )

    job.before_start = before_start
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # custodian's and pymatgen's advice
            custodian.run()
    except CustodianError as error:
        _explain(error, corrections(), job.process, folder)
    finally:
        job.terminate()
        tracked_lru_cache.tracked_cache_clear()  # whole vasprun.xml files
    if custodian.run_log[-1]["handler"] is not None:  # it gave up without an error
        _explain(None, corrections(), job.process, folder)
    return corrections()


def _explain(
    error: Exception | None, corrections: Sequence[Any], process: Any, folder: Path
) -> None:
    """Raise what a run without an answer means: a fault of the frame, or of the machine."""
    errors = sorted({name for one in corrections for name in one["errors"]})
    code = None if process is None else process.poll()
    words = _last_words(folder)
    reason = reason_of(errors, words)
    if reason is not None:
        tried = f"; custodian tried: {in_words(corrections)}" if corrections else ""
        raise fault_of(reason, f"VASP: {', '.join(errors) or words}{tried}")
    how = (
        f"signal {-code} ({Signals(-code).name})"
        if code is not None and code < 0
        else f"code {code}"
    )
    why = f" ({', '.join(errors)})" if errors else ""
    raise EngineCrashed(
        f"VASP ended with {how}{why} and without an answer\n{words}",
        where=folder,
        remedy="read vasp.out, std_err.txt and OUTCAR there",
    ) from error


def _last_words(folder: Path, lines: int = 12) -> str:
    texts = []
    for name in ("vasp.out", "std_err.txt"):
        path = folder / name
        if path.is_file():
            texts += path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(texts)


def _read(folder: Path, inputs: Inputs, atoms: Atoms, options: VaspOptions) -> SinglePoint:
    """The result, checked; EngineCrashed when VASP did not come to its end."""
    try:
        found = read_vasprun(folder / "vasprun.xml")
        protocol = read_outcar((folder / "OUTCAR").read_text(errors="replace"))
    except (Unreadable, OSError) as error:
        raise EngineCrashed(
            f"VASP's output cannot be read: {error}\n{_last_words(folder)}", where=folder
        ) from None
    if not protocol.ended:
        raise EngineCrashed(
            f"VASP did not come to its end: OUTCAR is truncated\n{_last_words(folder)}",
            where=folder,
        )
    if f"{found.version}.".startswith(f"{options.version}.") is False:
        raise EngineMissing(
            f"VASP {options.version} is not installed here: {options.command!r} is {found.version}",
            remedy="correct label.options.version (another method), or the command",
        )
    check_single_point(found, protocol, numbers=atoms.numbers[inputs.order], cell=inputs.cell)
    return found


def _label(
    found: SinglePoint, inputs: Inputs, atoms: Atoms, corrections: Sequence[dict[str, Any]]
) -> Label:
    forces = found.forces.copy()
    forces[inputs.order] = found.forces
    assert found.stress is not None  # checked
    note = (
        f"VASP {found.version}, {found.iterations} SCF cycles; energy without entropy "
        f"{found.energy_without_entropy:.8f} eV, for sigma -> 0 {found.energy_sigma_0:.8f} eV"
    )
    virial = virial_from_stress(found.stress, atoms.get_volume())
    made = tuple(f"custodian: {in_words([one])}" for one in corrections)
    return Label(found.free_energy, forces, virial, note=note, corrections=made)


def _keep(folder: Path, kept: Path) -> None:
    """Compressed copies of what VASP read and wrote, without POTCAR."""
    kept.mkdir(exist_ok=True)
    for name in (*_RAW, *(path.name for path in folder.glob("error.*.tar.gz"))):
        path = folder / name
        if path.suffix == ".gz":
            shutil.copy(path, kept / name)
        elif path.is_file():
            with path.open("rb") as source, gzip.open(kept / f"{name}.gz", "wb") as target:
                shutil.copyfileobj(source, target)
