"""Importing labels: time and memory, beside dpdata and one insert a frame.

    python benchmarks/importing.py [--frames 15000] [--quick]

Frames of 15 to 72 atoms in `deepmd/npy` are imported into a campaign under a declared method, on a
mongod of its own in a temporary folder: once as new, once again as known. The alternative loads the
same systems with dpdata and stores frame, label and selection one by one, without looking at them
(on some of the frames: its time grows as their number). The last line is one JSON object; `ratio`
is the alternative's time per frame over ours.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import dpdata
import numpy as np
from ase import Atoms

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.exchange import read_data_set
from al_loop.frame import Labelled, frame_hash
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.importing import import_labels
from al_loop.resources import resource_folder
from al_loop.store import LabelRecord, LocalServer, Selection, Store
from al_loop.train.deepmd.data import write_systems

SIZES = (15, 24, 30, 36, 48, 72)
METHOD = "others"
ALTERNATIVE = 1000
"""Frames on which the alternative is timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--frames", type=int, default=15_000)
    parser.add_argument("--quick", action="store_true", help="1,200 frames")
    options = parser.parse_args()
    frames = 1_200 if options.quick else options.frames
    with tempfile.TemporaryDirectory(prefix="al-loop-") as scratch:
        folder = Path(scratch)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(make_data, folder / "data", frames, seed=1).result()
            pool.submit(make_data, folder / "other", min(ALTERNATIVE, frames), seed=2).result()
        server = LocalServer(folder / "db")
        try:
            with Store(server.start()) as store:
                result = measure(store, folder, frames)
        finally:
            server.stop()
    print(json.dumps(result))


def make_data(folder: Path, frames: int, *, seed: int) -> None:
    """Random frames with random labels whose net force is zero."""
    rng = np.random.default_rng(seed)
    for i, size in enumerate(SIZES):
        made = []
        for _ in range(frames // len(SIZES)):
            forces = rng.normal(size=(size, 3))
            atoms = Atoms(
                ["Si"] * (size // 3) + ["O"] * (size - size // 3),
                positions=rng.random((size, 3)) * 10,
                cell=np.eye(3) * 10,
                pbc=True,
            )
            virial = rng.normal(size=(3, 3))
            label = (float(-7 * size + rng.normal()), forces - forces.mean(axis=0))
            made.append(Labelled(atoms, *label, virial + virial.T))
        write_systems(made, elements=("Si", "O"), folder=folder / str(i))


def measure(store: Store, folder: Path, frames: int) -> dict[str, float]:
    ctx = campaign(store, folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    new = timed_import(ctx, folder / "data", new=frames // len(SIZES) * len(SIZES))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    again = timed_import(ctx, folder / "data", new=0)
    other = one_by_one(store, folder / "other")
    print(
        f"{frames} frames: new {new:.1f} s, known {again:.1f} s, {memory:.0f} MB more than before"
    )
    print(f"dpdata and one insert a frame: {1000 * other:.2f} ms a frame")
    return {
        "frames": frames,
        "new_seconds": round(new, 2),
        "known_seconds": round(again, 2),
        "memory_mb": round(memory, 1),
        "alternative_seconds": round(other * frames, 2),
        "ratio": round(other * frames / new, 2),
    }


def campaign(store: Store, folder: Path) -> Context:
    spec = load_campaign(resource_folder("configs") / "silica-quickstart.yaml")
    data = dump_campaign(spec)
    data["label"]["declared"] = [METHOD]
    data["folder"] = str(folder / "campaign")
    register(store, CampaignSpec.model_validate(data), base=folder)
    return Context(store, spec.name)


def timed_import(ctx: Context, data: Path, *, new: int) -> float:
    start = time.perf_counter()
    report = import_labels(ctx, read_data_set(data), method=METHOD)
    assert report.new == new and not report.refused, report.refused[:3]
    return time.perf_counter() - start


def one_by_one(store: Store, data: Path) -> float:
    """Seconds a frame of what one would write first."""
    start, done = time.perf_counter(), 0
    for place in sorted(one.parent for one in data.rglob("type.raw")):
        system = dpdata.LabeledSystem(str(place), fmt="deepmd/npy")
        structures = cast("list[Atoms]", system.to("ase/structure"))
        for i, atoms in enumerate(structures):
            key = frame_hash(atoms)
            store.frames.put_many({key: atoms})
            label = LabelRecord(
                frame=key,
                method="other",
                state="ok",
                energy=float(system.data["energies"][i]),
                forces=system.data["forces"][i],
                virial=system.data["virials"][i],
                engine="other",
                seconds=0.0,
                cores=1,
                host="",
                when=datetime.now(timezone.utc),
            )
            store.labels.put_many([label])
            store.selections.put_many(
                [
                    Selection(
                        campaign="other",
                        frame=key,
                        iteration=-1,
                        chosen="imported",
                        split="train",
                        source="other",
                    )
                ]
            )
            done += 1
    return (time.perf_counter() - start) / done


if __name__ == "__main__":
    main()
