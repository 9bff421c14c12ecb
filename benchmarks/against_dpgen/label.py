"""The labeller as DP-GEN calls it, in the folder of one frame: ``python label.py MODEL``.

Reads input.vasp, writes the folder ``labelled`` (deepmd/npy). The code is that of al_loop's
``teacher``.
"""

import sys
from pathlib import Path

from ase.io.vasp import read_vasp

from al_loop.frame import Labelled
from al_loop.label.teacher import TeacherLabeller, TeacherOptions
from al_loop.train.deepmd.data import write_systems

labeller = TeacherLabeller(TeacherOptions(model=Path(sys.argv[1])))
atoms = read_vasp("input.vasp")
found = labeller.label(atoms, Path())
frame = Labelled(atoms, found.energy, found.forces, found.virial)
(name,) = write_systems([frame], elements=("O", "Si"), folder=Path("written"))
(Path("written") / name).rename("labelled")
Path("written").rmdir()
