"""A frozen model, loaded."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.errors import JobFolderError
from al_loop.train.deepmd.chatter import chatter_to
from al_loop.units import Array


class DeepmdPredictor:
    """Energy, forces and virial by ``deepmd.infer.DeepPot``."""

    def __init__(self, model: Path, elements: tuple[str, ...]) -> None:
        with chatter_to(Path(os.devnull)):
            from deepmd.infer import DeepPot

            self._pot = DeepPot(str(model))
        known = tuple(self._pot.get_type_map())
        if known != elements:
            raise JobFolderError(
                f"a model of {', '.join(known)}, not of {', '.join(elements)}", where=model
            )
        self._types = {element: index for index, element in enumerate(elements)}

    def predict(self, atoms: Atoms) -> tuple[float, Array, Array]:
        """Energy (eV), forces (atoms, 3) in eV/Å and virial (3, 3) in eV."""
        types = [self._types[symbol] for symbol in atoms.symbols]
        energy, forces, virial = self._pot.eval(
            atoms.positions.reshape(1, -1), atoms.cell.array.reshape(1, -1), types
        )
        return (
            float(energy[0, 0]),
            np.asarray(forces[0], dtype=np.float64),
            np.asarray(virial[0], dtype=np.float64).reshape(3, 3),
        )

    def descriptors(self, atoms: Atoms) -> Array:
        """The network's own descriptor of each atom's environment, (atoms, features)."""
        types = [self._types[symbol] for symbol in atoms.symbols]
        found = self._pot.eval_descriptor(
            atoms.positions.reshape(1, -1), atoms.cell.array.reshape(1, -1), types
        )
        return np.asarray(found[0], dtype=np.float64)
