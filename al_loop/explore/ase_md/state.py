"""The state of a running walker on disk: enough to go on as if nothing had happened.

A walk that goes on is the undisturbed one, bit for bit, where the potential is a function of the
configuration alone (all trainers of al_loop are; a calculator that keeps a neighbour list may
sum in another order afterwards).
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase import Atoms
from ase.md.bussi import Bussi
from ase.md.md import MolecularDynamics
from numpy.typing import NDArray

from al_loop import stopping
from al_loop.explore.ase_md.sampler import Sampler
from al_loop.hashing import digest, file_digest
from al_loop.jobfolder import write_atomically

SAVE_SECONDS = 60.0
"""Time between two saves: a kill costs no more."""

Arrays = dict[str, NDArray[Any]]

_FORMAT = 2
_NVT = ("transferred_energy",)
_NPT = (
    "_q",
    "_p",
    "_eps",
    "_p_eps",
    "_thermostat._eta",
    "_thermostat._p_eta",
    "_barostat._xi",
    "_barostat._p_xi",
    "_cell0",
    "_volume0",
)
"""What differs from a fresh integrator, besides the atoms and a random generator."""


def walk_identity(start: Atoms, *, models: Sequence[Path], asked: Sequence[str]) -> str:
    """Digest of all that a trajectory follows from; ``asked`` are walker, options, limits, ..."""
    arrays = (start.numbers.astype(np.int64), start.positions, start.cell.array)
    return digest(
        {
            "format": [_FORMAT, ase.__version__, np.__version__],
            "asked": list(asked),
            "models": [file_digest(model) for model in models],
            "start": [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays],
        }
    )


@dataclass(frozen=True)
class State:
    """Where a walk was when it was saved."""

    dynamics: Arrays
    sampler: Arrays

    @property
    def step(self) -> int:
        """The step that it had reached."""
        return int(self.dynamics["nsteps"])

    def restore(self, dynamics: MolecularDynamics, sampler: Sampler) -> None:
        """Put a walk there whose leg (that of ``step``) has just been set up."""
        sampler.restore(self.sampler)
        _restore_dynamics(dynamics, self.dynamics)


@dataclass
class StateFile:
    """``<walker>.state`` in the job folder: written now and then and when asked to stop."""

    path: Path
    identity: str
    """See :func:`walk_identity`; a state of another walk is not taken."""
    saved: float = field(default_factory=time.monotonic)

    def keep(self, dynamics: MolecularDynamics, sampler: Sampler) -> None:
        """Save when it is time to. JobStopped when the job has been asked to stop."""
        now = time.monotonic()
        asked = stopping.requested()
        if asked or now - self.saved >= SAVE_SECONDS:
            arrays = {f"dynamics {k}": v for k, v in _of_dynamics(dynamics).items()}
            arrays |= {f"sampler {k}": v for k, v in sampler.state().items()}
            write_atomically(self.path, _packed(arrays, self.identity))
            self.saved = now
        if asked:
            stopping.stop_if_requested(self.path.parent)

    def load(self) -> State | None:
        """What the file has; None when there is none, or it is damaged, or of another walk."""
        try:
            arrays = _unpacked(self.path.read_bytes(), self.identity)
        except OSError:
            return None
        if arrays is None:
            return None
        parts: dict[str, Arrays] = {"dynamics": {}, "sampler": {}}
        for name, value in arrays.items():
            part, _, rest = name.partition(" ")
            parts[part][rest] = value
        return State(**parts)

    def remove(self) -> None:
        """The walk has ended, and is saved."""
        self.path.unlink(missing_ok=True)


def _of_dynamics(dynamics: MolecularDynamics) -> Arrays:
    atoms = dynamics.atoms
    arrays: Arrays = {
        "nsteps": np.array(dynamics.nsteps),
        "positions": atoms.get_positions(),
        "momenta": atoms.get_momenta(),
        "cell": atoms.cell.array.copy(),
    }
    if isinstance(dynamics, Bussi):
        arrays["rng"] = np.array(json.dumps(dynamics.rng.bit_generator.state))
    return arrays | {name: np.array(attrgetter(name)(dynamics)) for name in _names(dynamics)}


def _restore_dynamics(dynamics: MolecularDynamics, arrays: Mapping[str, NDArray[Any]]) -> None:
    atoms = dynamics.atoms
    atoms.set_cell(arrays["cell"])
    atoms.set_positions(arrays["positions"])
    atoms.set_momenta(arrays["momenta"])
    dynamics.nsteps = int(arrays["nsteps"])
    if isinstance(dynamics, Bussi):
        dynamics.rng.bit_generator.state = json.loads(str(arrays["rng"]))
    for name in _names(dynamics):
        owner, _, attribute = name.rpartition(".")
        target = attrgetter(owner)(dynamics) if owner else dynamics
        setattr(target, attribute, arrays[name][()])  # [()]: a number of an array without axes


def _names(dynamics: MolecularDynamics) -> tuple[str, ...]:
    return _NVT if isinstance(dynamics, Bussi) else _NPT


def _packed(arrays: Arrays, identity: str) -> bytes:
    """Identity and arrays, behind a digest of both."""
    buffer = io.BytesIO()
    np.savez(buffer, identity=np.array(identity), **arrays)  # type: ignore[arg-type]
    body = buffer.getvalue()
    return hashlib.sha256(body).digest() + body


def _unpacked(data: bytes, identity: str) -> Arrays | None:
    seal, body = data[:32], data[32:]
    if hashlib.sha256(body).digest() != seal:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return arrays if str(arrays.pop("identity")) == identity else None
