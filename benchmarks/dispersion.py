"""What D3 in MD costs: LAMMPS with a deep potential, with and without `dispersion/d3`.

    python benchmarks/dispersion.py [--quick] [--model FILE]

The model is DeePMD-kit's default size (embedding 25-50-100, fitting 240-240-240, 6 Å), compressed,
trained for a moment: what it has learned does not change its speed. Atoms hardly move (0.1 fs), and
neighbours are found anew every 20 steps, as in a melt. Cost is CPU time of one thread per step, the
difference of a long run and a short one: start-up is not in it, and other programs disturb it
little. The last line is one JSON object: ms per step without D3, and how many times longer a step
takes with it, by its cutoffs (Å).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms

from al_loop.campaign import make_engine
from al_loop.d3 import D3
from al_loop.explore.lammps import LammpsOptions, nvt_example
from al_loop.frame import Labelled
from al_loop.jobfolder import Clock
from al_loop.lammps.executable import find_program
from al_loop.structures import crystal
from al_loop.train import TrainingTask

ELEMENTS = ("Si", "O")
SIZES = {72: (3, 1, 1), 192: (2, 2, 2)}
CUTOFFS = ((15, 10), (15, 6), (12, 8), (10, 8), (30, 20))
SHORT = 20
TRIM = "pair_modify     neigh/trim yes\n"


def train(folder: Path) -> Path:
    """A compressed model of the default size."""
    labeller = make_engine("label", "pair", {})
    random = np.random.default_rng(0)
    frames = []
    for _ in range(8):
        atoms = crystal("beta-cristobalite")
        atoms.positions += random.normal(0, 0.05, atoms.positions.shape)
        label = labeller.label(atoms, folder)  # type: ignore[attr-defined]
        frames.append(Labelled(atoms, label.energy, label.forces, label.virial))
    trainer = make_engine("train", "deepmd", {"steps": 60})
    task = TrainingTask(elements=ELEMENTS, seed=1, train=frames, valid=[], parent=None, effort=1.0)
    return folder / trainer.train(task, folder, Clock()).model  # type: ignore[attr-defined,no-any-return]


def cpu_seconds(
    folder: Path, model: Path, atoms: Atoms, d3: D3 | None, *, steps: int, trim: bool
) -> float:
    """CPU time of a LAMMPS process of so many steps."""
    texts = nvt_example(
        str(model), atoms, temperature=300.0, steps=steps, elements=ELEMENTS, dispersion=d3
    )
    script = texts["in.lammps"]
    script = script.replace("every 1 delay 0 check yes", "every 20 delay 0 check no")
    script = script.replace("timestep        0.001", "timestep        0.0001")
    if trim:
        script = script.replace("neighbor        2.0 bin\n", f"{TRIM}neighbor        2.0 bin\n")
    for name, text in {**texts, "in.lammps": script}.items():
        (folder / name).write_text(text)
    program = find_program(LammpsOptions())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*program.command, "-in", "in.lammps"],
        cwd=folder,
        env=program.environment,
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="72 atoms, fewer steps, two cutoffs")
    parser.add_argument("--model", type=Path, help="take this frozen model of Si and O")
    parser.add_argument("--atoms", type=int, choices=SIZES, help="this size alone")
    given = parser.parse_args()
    steps, repeats = (120, 1) if given.quick else (220, 2)
    cutoffs = CUTOFFS[:1] if given.quick else CUTOFFS
    variants: dict[str, tuple[D3 | None, bool]] = {"none": (None, False)}
    for cutoff, cn in cutoffs:
        added = D3(functional="pbe", damping="bj", cutoff=cutoff, cn_cutoff=cn)
        variants[f"{cutoff}/{cn}"] = (added, False)
    variants["15/10 trimmed"] = (variants["15/10"][0], True)
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = given.model.absolute() if given.model else train(folder)
        for size, supercell in SIZES.items():
            if size != (given.atoms or (min(SIZES) if given.quick else size)):
                continue
            atoms = crystal("beta-cristobalite", supercell=supercell)
            best = dict.fromkeys(variants, float("inf"))
            for _ in range(repeats):
                for name, (d3, trim) in variants.items():
                    long, short = (
                        cpu_seconds(folder, model, atoms, d3, steps=n, trim=trim)
                        for n in (steps, SHORT)
                    )
                    best[name] = min(best[name], 1000 * (long - short) / (steps - SHORT))
                    print(f"{size} atoms, {name:14s} {best[name]:7.2f} ms", file=sys.stderr)
            result[f"{size}_atoms"] = {
                "ms_per_step": round(best["none"], 2),
                **{k: round(v / best["none"], 2) for k, v in best.items() if k != "none"},
            }
    print(json.dumps({**result, "anchor": 1.1, **({"quick": True} if given.quick else {})}))


if __name__ == "__main__":
    main()
