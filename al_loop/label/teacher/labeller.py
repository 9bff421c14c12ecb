"""The teacher."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms

from al_loop.campaign.engines import EngineOptions
from al_loop.errors import EngineMissing, PhysicsFault
from al_loop.hashing import file_digest
from al_loop.label.faults import check_distances, check_frame
from al_loop.label.interface import FingerprintValue, Label
from al_loop.label.teacher.options import TeacherOptions


class TeacherLabeller:
    """A frozen DeePMD-kit model labels in milliseconds what DFT labels in hours.

    To rehearse a campaign before core-hours are spent. It knows the configurations that it was
    trained on, and what it says of others is no more than a smooth continuation.
    """

    Options: ClassVar[type[EngineOptions]] = TeacherOptions
    preload: ClassVar[tuple[str, ...]] = ("deepmd.infer",)

    def __init__(self, options: TeacherOptions) -> None:
        self.options = options

    @property
    def cores(self) -> int:
        """Always 1."""
        return 1

    def check(self) -> str:
        """``DeePMD-kit 3.2.0, zeo_model.pb``, or EngineMissing. The model is not loaded."""
        self._identity  # noqa: B018  # it can be read
        try:
            return f"DeePMD-kit {version('deepmd-kit')}, {self.options.model.name}"
        except PackageNotFoundError:
            raise EngineMissing(
                "DeePMD-kit is not installed here", remedy='pip install "al-loop[deepmd]"'
            ) from None

    def fingerprint(self) -> Mapping[str, FingerprintValue]:
        """What the model's file holds; neither its path nor DeePMD-kit's version."""
        return {"engine": "teacher", "model": self._identity}

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        """Label a frame; PhysicsFault for an element that the model does not know."""
        check_frame(atoms)
        check_distances(atoms, self.options.closest)
        pot = self._pot
        types = {element: index for index, element in enumerate(pot.get_type_map())}
        if unknown := sorted(set(atoms.get_chemical_symbols()) - set(types)):
            raise PhysicsFault(
                "unknown-element",
                f"the teacher knows {', '.join(types)}, not {', '.join(unknown)}",
                remedy="use another labeller for these elements",
            )
        energy, forces, virial = pot.eval(
            atoms.positions.reshape(1, -1),
            atoms.cell.array.reshape(1, -1),
            [types[symbol] for symbol in atoms.symbols],
        )[:3]
        return Label(
            energy=float(energy[0, 0]),
            forces=np.asarray(forces[0], dtype=np.float64),
            virial=np.asarray(virial[0], dtype=np.float64).reshape(3, 3),
        )

    @cached_property
    def _identity(self) -> str:
        try:
            return f"sha256:{file_digest(self.options.model)}"
        except OSError as error:
            raise EngineMissing(
                f"the teacher's model cannot be read: {error.strerror}",
                where=self.options.model,
                remedy="set label.options.model to a frozen DeePMD-kit model",
            ) from None

    @cached_property
    def _pot(self) -> Any:
        from deepmd.infer import DeepPot

        return DeepPot(str(self.options.model))
