"""Active learning on real DFT: silica of 24 atoms, labels by CP2K.

    python benchmarks/cp2k_iteration.py [--quick] [--folder FOLDER]

Runs configs/silica-cp2k.yaml (``--quick``: fewer labels at 400 Ry, two iterations, half an hour
on two cores) and, on snapshots of one trajectory, CP2K with and without its neighbour's orbitals.
A folder that is given and has been begun is continued. The last line is one JSON object: labels,
core-seconds a label, SCF steps each way, test force errors (eV/Å, all committees on the same
frames) of the first and the last committee.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from al_loop.label.cp2k import Cp2kLabeller, Cp2kOptions
from al_loop.resources import resource_folder
from al_loop.structures import crystal

NAME = "silica-cp2k"
AL_LOOP = str(Path(sys.executable).parent / "al-loop")


def campaign(folder: Path, *, quick: bool) -> Path:
    """The campaign's file, made smaller if asked."""
    yaml = YAML(typ="safe")
    spec = yaml.load(resource_folder("configs") / f"{NAME}.yaml")
    if quick:
        spec["label"]["options"]["cutoff"] = 400
        spec["structures"]["beta-cristobalite"]["perturb"]["copies"] = 23
        spec["train"]["options"]["steps"] = 3000
        spec["select"] |= {"batch": 8, "audit": 3}
        spec["budget"] = {"iterations": 2, "labels": 60}
    path = folder / f"{NAME}.yaml"
    yaml.dump(spec, path)
    return path


def run(file: Path) -> dict[str, Any]:
    """The campaign to its end; what `al-loop status` says of it."""
    subprocess.run([AL_LOOP, "run", file.name], cwd=file.parent, check=True)
    command = [AL_LOOP, "status", NAME, "--json"]
    said = subprocess.run(command, cwd=file.parent, check=True, capture_output=True, text=True)
    (status,) = json.loads(said.stdout)["campaigns"]
    subprocess.run([AL_LOOP, "db", "stop"], cwd=file.parent, check=True)
    return dict(status)


def steps(folder: Path, *, restart: bool) -> float:
    """SCF steps of the second and third snapshot of a trajectory, on average."""
    labeller = Cp2kLabeller(Cp2kOptions(cutoff=300, finer_grid=False, restart=restart))
    atoms = crystal("beta-cristobalite")
    random = np.random.default_rng(1)
    found = []
    for _ in range(3):
        atoms.positions += random.normal(scale=0.03, size=atoms.positions.shape)
        found.append(int(labeller.label(atoms, folder).note.split(", ")[1].split()[0]))
    return float(np.mean(found[1:]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small campaign")
    parser.add_argument("--folder", type=Path, help="where to work, and to go on")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        status = run(campaign(folder, quick=asked.quick))
        (engine,) = status["engines"]
        final = [it["final_test_errors"] for it in status["iterations"]]
        errors = [one["force_rmse"] for one in final if one]
        tried = engine["ok"] + engine["failed"] + engine["quarantined"]
        print(
            json.dumps(
                {
                    "labels": engine["ok"],
                    "failed": engine["failed"],
                    "quarantined": engine["quarantined"],
                    "core_seconds_a_label": round(3600 * engine["core_hours"] / max(1, tried), 1),
                    "scf_steps_from_atoms": steps(folder, restart=False),
                    "scf_steps_from_a_neighbour": steps(folder, restart=True),
                    "force_rmse_first": round(errors[0], 3),
                    "force_rmse_last": round(errors[-1], 3),
                    "cores": os.cpu_count(),
                }
            )
        )


if __name__ == "__main__":
    main()
