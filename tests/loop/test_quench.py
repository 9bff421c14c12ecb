"""A campaign that melts and quenches its own starting structures, and does so once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.explore.lammps import LammpsOptions
from al_loop.explore.quench import collect_quench, legs_of, stage_quench_job
from al_loop.frame import frame_hash
from al_loop.launch.control import amend, resume
from al_loop.launch.local import run_local
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.check import check_campaign
from al_loop.loop.context import Context
from al_loop.loop.jobs import run_job
from al_loop.loop.quenching import records_of, samples_of
from al_loop.loop.rehearsal import rehearsal_of, try_teacher
from al_loop.loop.stages.explore import walkers_of
from al_loop.loop.stages.quench import Quench
from al_loop.store import Connection, IterationRecord, QuenchRecord, Store
from al_loop.units import density
from tests.campaigns import CHEAP, write_campaign
from tests.loop.test_late_labels import NAME, Hands, at, carry_on, state
from tests.store.records import WHEN

pytestmark = pytest.mark.engine

SHORT = {
    "formula": "SiO2",
    "atoms": 24,
    "density": 2.2,
    "potential": "bks",
    "melt": {"temperature": 3000, "ps": 0.2},
    "quench": {"rate": 9000, "to": 300},
    "glass": {"ps": 0.1},
    "snapshots": {"melt": 1, "path": 1, "glass": 1},
}
"""0.2 ps of melt, (3000 - 300) / 9000 = 0.3 ps on the way down, 0.1 ps of glass: 600 steps."""
BOX = ("formula", "atoms", "density")
SCHEDULE = {key: value for key, value in SHORT.items() if key not in BOX}
GRID = {
    "grid": {"Na2O": 0, "SiO2": "rest"},
    "atoms": 24,
    "density": 2.2,
    "melt_quench": {**SCHEDULE, "samples": 2},
}
"""Two samples of the same, as a grid with one composition."""
EXPLODES = {
    **SHORT,
    "timestep": 2.0,
    "melt": {"temperature": 20_000, "ps": 0.6},
    "snapshots": {"melt": 4, "path": 1, "glass": 1},
}
"""Sooner or later atoms meet, and LAMMPS gives up."""


def asking(folder: Path, wish: dict[str, Any], **changes: Any) -> CampaignSpec:
    """The cheap campaign with a melt-quench in the place of its boxes; one iteration."""
    data = dump_campaign(load_campaign(write_campaign(folder, CHEAP, name=NAME)))
    data["structures"]["packed"] = wish if "grid" in wish else {"melt_quench": wish}
    data["structures"]["cristobalite"]["perturb"]["copies"] = 4
    data["explore"]["stages"] = data["explore"]["stages"][1:]
    data["budget"]["iterations"] = 1
    return CampaignSpec.model_validate(data | {"folder": str(folder / NAME)} | changes)


def begin(store: Store, folder: Path, wish: dict[str, Any], **changes: Any) -> CampaignSpec:
    spec = asking(folder, wish, **changes)
    register(store, spec, base=folder)
    return spec


def records(store: Store) -> list[QuenchRecord]:
    (found,) = records_of(store, Context(store, NAME).spec).values()
    return found


def told(store: Store, kind: str) -> list[str]:
    return [one.text for one in store.events.latest(NAME, 200) if one.kind == kind]


def closest(atoms: Atoms, a: str, b: str) -> float:
    """Smallest distance of two kinds of atoms, Å, by ASE."""
    table = atoms.get_all_distances(mic=True) + 1e3 * np.eye(len(atoms))
    symbols = np.array(atoms.get_chemical_symbols())
    return float(table[np.ix_(symbols == a, symbols == b)].min())


def test_a_campaign_labels_its_melts_and_glasses_and_explores_from_them(
    store: Store, tmp_path: Path
) -> None:
    spec = asking(tmp_path, GRID)
    record = run_local(store, spec, base=tmp_path, cores=2)
    assert record.state == "stopped", record.reason
    ctx = Context(store, NAME)
    found = records(store)
    assert [[one.phase for one in r.frames] for r in found] == [["melt", "path", "glass"]] * 2
    assert [[one.temperature for one in r.frames] for r in found] == [[3000, 1650, 300]] * 2
    assert len({r.source for r in found}) == 1
    frames = [one.frame for r in found for one in r.frames]
    for atoms in store.frames.get_many(frames).values():
        assert Counter(atoms.get_chemical_symbols()) == {"Si": 8, "O": 16}
        assert density(atoms) == pytest.approx(2.2, rel=1e-6)
    assert set(frames) <= store.selections.hashes(NAME, 0)
    assert {label.state for label in ctx.labels_of(frames).values()} == {"ok"}
    walkers = walkers_of(ctx, 0).items()
    starts = [atoms for name, (_, atoms) in walkers if name.startswith("packed-100SiO2-nvt")]
    assert starts and {frame_hash(atoms) for atoms in starts} <= set(frames)
    first, last = store.iterations.all(NAME)
    assert first.seconds["quench"] > 0 and "quench" not in last.seconds
    # Deleted and made again, the campaign finds its melt-quenches; another seed has others.
    store.delete_campaign(NAME)
    begin(store, tmp_path, GRID)
    advance(store, NAME, Hands())
    assert not store.jobs.of_stage(NAME, 0, "quench")
    assert not at(store, 0, "quench")
    keys = [
        {one.key for one in samples_of(s).values()}
        for s in (spec, asking(tmp_path, SHORT, seed=12))
    ]
    assert len(keys[0]) == 2 and not keys[0] & keys[1]


def test_boxes_by_fear_are_made_in_the_same_stage_and_once(store: Store, tmp_path: Path) -> None:
    rmc = {
        **{key: SHORT[key] for key in BOX},
        "target": {"r": [1.0, 1.6, 2.2, 5.0], "g": {"Si-O": [0, 8, 0, 1], "neutron": [0, 3, 0, 1]}},
        "moves": 50,
        "cycles": 2,
        "minimise": {"potential": "bks", "steps": 30},
        "frames": 2,
        "samples": 2,
    }
    data = dump_campaign(asking(tmp_path, SHORT))
    data["structures"]["packed"] = {"rmc": rmc}
    spec = CampaignSpec.model_validate(data)
    register(store, spec, base=tmp_path)
    hands = Hands()
    hands.hold = lambda job: job.stage != "quench"
    carry_on(store, hands, lambda: at(store, 0, "start"))
    found = records(store)
    assert [[(f.phase, f.temperature) for f in one.frames] for one in found] == [
        [("glass", 0.0)] * 2
    ] * 2
    frames = [one.frame for record in found for one in record.frames]
    assert len(set(frames)) == 4
    assert {s.name for s in Context(store, NAME).starts["packed"]} >= {"packed-0"}
    store.delete_campaign(NAME)
    register(store, spec, base=tmp_path)
    advance(store, NAME, hands)
    assert not store.jobs.of_stage(NAME, 0, "quench"), "what is in the store is not made again"


def test_a_campaign_without_a_melt_quench_has_no_such_stage(store: Store, tmp_path: Path) -> None:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name=NAME))
    register(store, spec.model_copy(update={"folder": str(tmp_path / NAME)}), base=tmp_path)
    hands = Hands()
    hands.hold = lambda job: True
    advance(store, NAME, hands)
    assert at(store, 0, "start")
    assert {job.stage for job in store.jobs.all_due(NAME)} == {"start"}


def kill_job(folder: Path, condition: Callable[[], bool]) -> None:
    """Run the job of a folder in a process of its own, and SIGKILL it when something holds."""
    code = "import sys, pathlib, al_loop.loop.jobs as jobs; jobs.run_job(pathlib.Path(sys.argv[1]))"
    job = subprocess.Popen([sys.executable, "-c", code, folder], start_new_session=True)
    end = time.monotonic() + 60
    while not condition() and job.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    os.killpg(job.pid, signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL


def run_alone(spec: CampaignSpec, folder: Path) -> list[Atoms]:
    """Frames of the first melt-quench, by its job alone."""
    sample = samples_of(spec)["packed-0"]
    job = stage_quench_job(
        folder,
        options=LammpsOptions(),
        box=sample.box(),
        potential=sample.wish.potential,
        legs=legs_of(sample.wish),
        timestep=sample.wish.timestep,
        seed=sample.seed,
    )
    run_job(job.path)
    return [atoms for _, atoms in collect_quench(job).frames]


def test_killed_in_the_midst_a_melt_quench_goes_on_and_is_computed_once(
    store: Store, tmp_path: Path
) -> None:
    spec = begin(store, tmp_path, SHORT)
    hands = Hands()
    hands.hold = lambda job: True
    advance(store, NAME, hands)
    folder = tmp_path / NAME / "iter.000000" / "quench" / "packed-0"
    kill_job(folder, (folder / "leg-0002.restart").exists)
    assert not (folder / "result.json").exists()
    hands.hold = lambda job: job.stage != "quench"
    carry_on(store, hands, lambda: at(store, 0, "start"))
    legs = len(legs_of(samples_of(spec)["packed-0"].wish))
    (job,) = store.jobs.of_stage(NAME, 0, "quench")
    assert 0 < len(job.spans) <= legs - 2, "the first two legs are not run again"
    expected = [frame_hash(atoms) for atoms in run_alone(spec, tmp_path / "alone")]
    assert [one.frame for one in records(store)[0].frames] == expected
    shutil.rmtree(folder.parent)
    advance(store, NAME, hands)
    assert not folder.exists(), "what is in the store is not computed again"


def test_the_folder_of_another_melt_quench_is_set_aside(store: Store, tmp_path: Path) -> None:
    hands = Hands()
    hands.hold = lambda job: job.stage != "quench"
    begin(store, tmp_path, SHORT)
    carry_on(store, hands, lambda: at(store, 0, "start"))
    store.delete_campaign(NAME)
    begin(store, tmp_path, {**SHORT, "density": 2.4})
    carry_on(store, hands, lambda: at(store, 0, "start"))
    (record,) = records(store)
    frames = store.frames.get_many(one.frame for one in record.frames).values()
    assert [density(atoms) for atoms in frames] == pytest.approx([2.4] * 3, rel=1e-6)
    assert "another melt-quench" in told(store, "job-damaged")[0]


def test_what_lammps_gave_before_it_gave_up_is_used_and_said(store: Store, tmp_path: Path) -> None:
    hands = Hands()
    hands.hold = lambda job: job.stage != "quench"
    begin(store, tmp_path, {**EXPLODES, "samples": 3})
    carry_on(store, hands, lambda: at(store, 0, "start"))
    found = [record for record in records(store) if record.stop != "completed"]
    assert found and any(record.frames for record in found)
    assert all(len(record.frames) < 6 and "ERROR" in record.detail for record in found)
    said = told(store, "quench-stopped")
    assert len(said) == len(found) and all("frames, then: ERROR" in text for text in said)
    used = {frame_hash(one.atoms) for one in Context(store, NAME).starts["packed"]}
    assert used >= {one.frame for record in found for one in record.frames}


def test_a_melt_quench_without_a_frame_ends_the_campaign(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path, {**EXPLODES, "snapshots": {"melt": 0, "path": 0, "glass": 1}})
    carry_on(store, Hands(), lambda: state(store) == "failed")
    record = store.campaigns.get(NAME)
    assert record is not None
    assert "structures.packed: the melt-quench gave no frame: ERROR" in record.reason


def test_a_melt_quench_that_is_given_up_can_be_tried_again(
    store: Store, connection: Connection, tmp_path: Path
) -> None:
    begin(store, tmp_path, SHORT)
    hands = Hands()
    hands.break_ = lambda job: job.stage == "quench"
    carry_on(store, hands, lambda: state(store) == "failed")
    record = store.campaigns.get(NAME)
    assert record is not None
    assert "not computed: packed-0" in record.reason and "no such device" in record.reason
    resume(connection, NAME)
    hands.break_, hands.hold = lambda job: False, lambda job: job.stage != "quench"
    carry_on(store, hands, lambda: at(store, 0, "start"))
    assert [record.stop for record in records(store)] == ["completed"]


def test_frames_with_atoms_too_close_are_left_out(store: Store, tmp_path: Path) -> None:
    hands = Hands()
    hands.hold = lambda job: job.stage != "quench"
    begin(store, tmp_path, SHORT)
    carry_on(store, hands, lambda: at(store, 0, "start"))
    frames = [one.frame for one in records(store)[0].frames]
    near = {f: closest(a, "Si", "O") for f, a in store.frames.get_many(frames).items()}
    store.delete_campaign(NAME)
    limit = float(np.mean(sorted(near.values())[:2]))
    select = {"trust": {"lower": 0.15, "upper": 20.0}, "batch": 6, "min_distance": {"Si-O": limit}}
    data = dump_campaign(asking(tmp_path, SHORT)) | {"select": select}
    data["structures"]["packed"]["perturb"]["copies"] = 1
    data["structures"]["cristobalite"]["perturb"]["copies"] = 0
    register(store, CampaignSpec.model_validate(data), base=tmp_path)
    ctx = Context(store, NAME)
    kept = [frame_hash(one.atoms) for one in ctx.starts["packed"] if one.pristine]
    assert kept == [frame for frame in frames if near[frame] > limit]
    assert len(kept) == 2 and len(ctx.starts["packed"]) == 4
    Quench().complete(
        ctx, IterationRecord(campaign=NAME, index=0, stage="quench", stage_started=WHEN)
    )
    (text,) = told(store, "frames-dropped")
    assert text.startswith("1 of 3 frames of packed are left out: O-Si atoms")
    assert f"at least {limit:.2f} Å" in text


def test_a_melt_quench_added_in_mid_campaign_is_computed_before_the_next_iteration(
    store: Store, connection: Connection, tmp_path: Path
) -> None:
    data = dump_campaign(asking(tmp_path, SHORT))
    data["budget"]["iterations"] = 2
    after = CampaignSpec.model_validate(data)
    del data["structures"]["packed"]
    data["explore"]["stages"][0]["from"] = ["cristobalite"]
    register(store, CampaignSpec.model_validate(data), base=tmp_path)
    hands = Hands()
    hands.hold = lambda job: job.stage == "start"
    advance(store, NAME, hands)
    assert at(store, 0, "start")
    changes = {change.key: change.holds for change in amend(connection, after)}
    assert set(changes.values()) == {"next iteration"}
    carry_on(store, Hands(), lambda: at(store, 1, "explore") or state(store) == "stopped")
    assert store.iterations.all(NAME)[1].seconds.keys() >= {"quench", "train"}
    ctx = Context(store, NAME)
    assert any(name.startswith("packed-") for name in walkers_of(ctx, 1))
    assert not [w for w in store.walks.of_iteration(NAME, 0) if w.structure == "packed"]


def test_check_counts_a_melt_quench_and_computes_none(tmp_path: Path) -> None:
    spec = asking(tmp_path, {**SHORT, "samples": 2})
    data = dump_campaign(spec)
    data["structures"]["packed"]["perturb"]["copies"] = 2
    found = check_campaign(CampaignSpec.model_validate(data), base=tmp_path)
    (one,) = found.quenches.values()
    assert (one.jobs, one.steps, one.frames) == (2, 600, 6)
    assert one.picoseconds == pytest.approx(0.6)
    assert found.quenched_labels == 6 * 3
    assert sum(found.starting_labels.values()) == 5  # the crystal and its copies
    assert found.largest_campaign == 5 + 18 + 8
    assert "LAMMPS" in found.engines["quench"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NAME}.yaml"]


def test_a_grid_is_melted_and_explored_by_its_name(tmp_path: Path) -> None:
    data = dump_campaign(asking(tmp_path, SHORT))
    grid = {"Na2O": [20, 40], "SiO2": "rest"}
    data["structures"]["packed"] = {
        "grid": grid,
        "atoms": 30,
        "density": 2.4,
        "melt_quench": {**SCHEDULE, "potential": "pmmcs"},
    }
    spec = CampaignSpec.model_validate(data | {"elements": ["Na", "Si", "O"]})
    found = check_campaign(spec, base=tmp_path)
    assert (found.quenches["packed"].jobs, found.quenches["packed"].frames) == (2, 6)
    assert list(found.structures) == [
        "cristobalite",
        "packed-20Na2O-80SiO2",
        "packed-40Na2O-60SiO2",
    ]
    assert found.walkers == [3]
    assert list(samples_of(spec)) == ["packed-20Na2O-80SiO2-0", "packed-40Na2O-60SiO2-0"]


def test_a_rehearsal_shares_the_melt_quenches(tmp_path: Path) -> None:
    spec = asking(tmp_path, SHORT)
    real = spec.model_copy(update={"label": spec.label.model_copy(update={"engine": "xtb"})})
    rehearsed = rehearsal_of(real, "pair").spec
    try_teacher(rehearsed, base=tmp_path)
    assert [s.key for s in samples_of(rehearsed).values()] == [
        s.key for s in samples_of(spec).values()
    ]
