"""A data set that is taken out has every bit of what was labelled."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import ase.io
import dpdata
import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import load_campaign
from al_loop.frame import frame_hash
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.export import export_dataset
from al_loop.store import LabelRecord, Selection, Store
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine


@pytest.fixture
def ctx(store: Store, tmp_path: Path) -> Context:
    """Thirty labels, one in three without a virial, atoms not in the order of the types."""
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    register(store, spec.model_copy(update={"folder": str(tmp_path / "cheap")}), base=tmp_path)
    made = Context(store, "cheap")
    rng = np.random.default_rng(3)
    for i in range(30):
        cell = np.diag([5.0, 6.0, 7.0]) + rng.normal(0, 0.3, (3, 3))
        atoms = Atoms("OSiO2SiO", cell=cell, positions=rng.random((6, 3)) * 5, pbc=True)
        frame, virial = frame_hash(atoms), rng.normal(size=(3, 3)) / 3
        store.frames.put_many({frame: atoms})
        label = LabelRecord(
            frame=frame,
            method=made.method,
            state="ok",
            energy=float(rng.normal()) / 3,
            forces=rng.normal(size=(6, 3)) / 3,
            virial=None if i % 3 == 0 else virial + virial.T,
            engine="pair",
            seconds=1.0,
            cores=1,
            host="h",
            when=datetime.now(timezone.utc),
        )
        store.labels.put_many([label])
        store.selections.put_many(
            [
                Selection(
                    campaign="cheap",
                    frame=frame,
                    iteration=0,
                    chosen="initial",
                    split=made.split(frame),
                    source="s",
                )
            ]
        )
    return made


def test_deepmd_npy_has_every_bit(ctx: Context, tmp_path: Path) -> None:
    counts = export_dataset(ctx, tmp_path / "out", fmt="deepmd/npy")
    assert sum(counts.values()) == 30 and all(counts.values())
    places = json.loads((tmp_path / "out" / "labels.json").read_text())
    without = 0
    for place, frames in places.items():
        system = dpdata.LabeledSystem(str(tmp_path / "out" / place), fmt="deepmd/npy")
        labels, stored = ctx.labels_of(frames), ctx.store.frames.get_many(frames)
        assert len(system) == len(frames) == len(labels)
        for i, frame in enumerate(frames):
            label, atoms = labels[frame], stored[frame]
            order = np.argsort(-atoms.numbers, kind="stable")  # the campaign's: Si, O
            assert label.forces is not None
            assert system.data["energies"][i] == label.energy
            assert np.array_equal(system.data["forces"][i], label.forces[order])
            assert np.array_equal(system.data["coords"][i], atoms.positions[order])
            assert np.array_equal(system.data["cells"][i], atoms.cell.array)
            if label.virial is None:
                without += 1
                assert "virials" not in system.data
            else:
                assert np.array_equal(system.data["virials"][i], label.virial)
    assert without == 10


def test_extxyz_has_every_bit_and_ase_reads_it(ctx: Context, tmp_path: Path) -> None:
    export_dataset(ctx, tmp_path / "out", fmt="extxyz")
    places = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert set(places) == {"train.xyz", "valid.xyz", "test.xyz"}
    for place, frames in places.items():
        labels, stored = ctx.labels_of(frames), ctx.store.frames.get_many(frames)
        read = ase.io.read(tmp_path / "out" / place, index=":")
        for frame, atoms in zip(frames, read, strict=True):
            label = labels[frame]
            assert atoms.get_potential_energy() == label.energy
            assert label.forces is not None
            assert np.array_equal(atoms.get_forces(), label.forces)
            assert np.array_equal(atoms.positions, stored[frame].positions)
            assert np.array_equal(atoms.cell.array, stored[frame].cell.array)
            assert atoms.pbc.all()
            if label.virial is not None:
                virial = np.asarray(atoms.info["virial"])
                assert np.array_equal(virial, label.virial)
                stress = atoms.get_stress(voigt=False)
                np.testing.assert_allclose(-stress * atoms.get_volume(), virial, rtol=1e-12)
