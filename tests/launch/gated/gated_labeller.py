"""The pair labeller behind a gate: while the gate is shut, a label takes for ever."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import ClassVar

from ase import Atoms

from al_loop import stopping
from al_loop.campaign import EngineOptions
from al_loop.label import Label
from al_loop.label.pair import PairLabeller, PairOptions


class GatedOptions(PairOptions):
    gate: str
    """A folder. With a file ``shut`` in it no label ends, unless its job is asked to stop; with a
    file ``deaf.<id of the queue's job>`` not even then. ``held.<id>`` tells who waits."""


class Gated(PairLabeller):
    Options: ClassVar[type[EngineOptions]] = GatedOptions

    def __init__(self, options: GatedOptions) -> None:
        super().__init__(options)
        self.gate = Path(options.gate)

    def label(self, atoms: Atoms, scratch: Path) -> Label:
        job = os.environ.get("SLURM_JOB_ID", "none")
        while (self.gate / "shut").exists():
            if stopping.requested() and not (self.gate / f"deaf.{job}").exists():
                break
            (self.gate / f"held.{job}").touch()
            time.sleep(0.02)
        return super().label(atoms, scratch)
