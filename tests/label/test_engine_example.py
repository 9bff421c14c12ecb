"""The example of docs/engines.md, installed as a user's package and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.lj import LennardJones

from al_loop.frame import write_frames

from .structures import cristobalite

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text()

PROGRAM = """\
#!{python}
import json, sys
from ase.calculators.lj import LennardJones
from ase.io import read
atoms = read(sys.argv[1])
atoms.calc = LennardJones(sigma=1.4, rc=float(sys.argv[2]))
if len(atoms) == 1:
    sys.exit("not enough memory")
print(json.dumps({{
    "converged": len(atoms) != 2,
    "energy": atoms.get_potential_energy(),
    "forces": atoms.get_forces().tolist(),
    "virial": (-atoms.get_stress(voigt=False) * atoms.get_volume()).tolist(),
}}))
"""

ASK = """\
import json, sys, tempfile
from pathlib import Path
from al_loop.campaign import make_engine
from al_loop.errors import AlLoopError
from al_loop.frame import read_frames
engine = make_engine("label", "my-dft", {"cutoff": 8.0})
said = [engine.check()]
for atoms in read_frames(Path(sys.argv[1])):
    try:
        label = engine.label(atoms, Path(tempfile.mkdtemp()))
        said.append([label.energy, label.forces.tolist(), label.virial.tolist()])
    except AlLoopError as error:
        said.append(type(error).__name__)
print(json.dumps(said))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    code = re.search(r"```python\n(.*?)```", PAGE, re.S)
    registered = re.search(r"```toml\n(.*?)```", PAGE, re.S)
    assert code
    assert registered
    assert len(code[1].splitlines()) <= 50
    (tmp_path / "my_dft.py").write_text(code[1])
    info = tmp_path / "my_dft-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-dft\nVersion: 1.2\n")
    group, line = registered[1].splitlines()
    assert group == '[project.entry-points."al_loop.labellers"]'
    entry_point = line.replace('"', "")
    (info / "entry_points.txt").write_text(f"[al_loop.labellers]\n{entry_point}\n")
    program = tmp_path / "bin" / "my-dft"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    return tmp_path


def test_the_example_of_the_docs_labels_frames(package: Path) -> None:
    whole = cristobalite(cubic=False, seed=4)
    write_frames(package / "frames.traj", [whole, whole[:2], whole[:1]])
    done = subprocess.run(
        [sys.executable, "-c", ASK, package / "frames.traj"],
        env={
            **os.environ,
            "PYTHONPATH": str(package),
            "PATH": f"{package / 'bin'}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check, label, *faults = json.loads(done.stdout)
    assert check == "my-dft 1.2"
    assert faults == ["PhysicsFault", "EngineCrashed"]
    whole.calc = LennardJones(sigma=1.4, rc=8.0)
    energy, forces, virial = label
    assert energy == pytest.approx(whole.get_potential_energy(), rel=1e-6)
    np.testing.assert_allclose(forces, whole.get_forces(), rtol=1e-5, atol=1e-5)
    stress = whole.get_stress(voigt=False)
    np.testing.assert_allclose(virial, -stress * whole.get_volume(), rtol=1e-5, atol=1e-5)
