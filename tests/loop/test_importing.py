"""Labels from elsewhere: every bit, once, by a method that is known, and nothing unnoticed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.errors import MethodMismatch, UserError
from al_loop.exchange import Found, read_data_set
from al_loop.frame import Labelled, frame_hash, in_order_of
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.export import export_dataset
from al_loop.loop.importing import import_labels, take_back
from al_loop.loop.method import declared
from al_loop.store import LabelRecord, Store
from al_loop.train.deepmd.data import write_systems
from tests.campaigns import CHEAP, write_campaign
from tests.loop.test_late_labels import NAME, Hands, at, carry_on, trained_on

pytestmark = pytest.mark.engine

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
VASP = SHARED / "vasp-outputs"


def begin(store: Store, folder: Path, *, name: str = NAME, starts: bool = True) -> Context:
    data = dump_campaign(load_campaign(write_campaign(folder, CHEAP, name=name)))
    data["label"]["declared"] = ["others"]
    data["folder"] = str(folder / name)
    for source in data["structures"].values():
        source["label"] = starts
    register(store, CampaignSpec.model_validate(data), base=folder)
    return Context(store, name)


def labelled(count: int, *, virial: bool = True, seed: int = 1) -> list[Labelled]:
    """Rattled cristobalite with labels by the campaign's own BKS."""
    from al_loop.crystals import crystal
    from al_loop.label.pair.labeller import PairLabeller
    from al_loop.label.pair.options import PairOptions

    rng = np.random.default_rng(seed)
    labeller = PairLabeller(PairOptions())
    made = []
    for _ in range(count):
        atoms = crystal("beta-cristobalite", supercell=(1, 1, 1))
        atoms.positions += rng.normal(0, 0.05, (len(atoms), 3))
        atoms = atoms[rng.permutation(len(atoms))]
        found = labeller.label(atoms, Path())
        made.append(Labelled(atoms, found.energy, found.forces, found.virial if virial else None))
    return made


def as_found(labels: Sequence[Labelled]) -> list[Found]:
    return [Found(f"frame {i}", label) for i, label in enumerate(labels)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "about.json"
    }


@pytest.mark.parametrize("fmt", ["deepmd/npy", "extxyz"])
def test_what_is_exported_and_imported_is_the_same_to_the_last_bit(
    store: Store, tmp_path: Path, fmt: str
) -> None:
    ctx = begin(store, tmp_path / "one")
    given = [*labelled(12), *labelled(6, virial=False, seed=2)]
    report = import_labels(ctx, as_found(given), method="others")
    assert (report.new, report.refused) == (18, [])
    export_dataset(ctx, tmp_path / "a", fmt=fmt)

    for keeper in (store.labels, store.frames, store.selections):
        keeper.table.delete({})
    for path in sorted((tmp_path / "a").iterdir()):
        if path.suffix != ".json":
            import_labels(ctx, read_data_set(path), method="others")
    export_dataset(ctx, tmp_path / "b", fmt=fmt)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    labels = ctx.labels_of(map(frame_hash, (one.atoms for one in given)))
    for one in given:
        label = labels[frame_hash(one.atoms)]
        (stored,) = store.frames.get_many([label.frame]).values()
        assert label.energy == one.energy
        assert np.array_equal(label.forces, in_order_of(one.forces, given=one.atoms, wanted=stored))
        assert (label.virial is None) == (one.virial is None)
        assert label.virial is None or np.array_equal(label.virial, one.virial)


def test_twice_is_once_and_other_numbers_are_refused(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path)
    given = labelled(4)
    import_labels(ctx, as_found(given), method="others")
    first = given[0]
    shuffled = first.atoms[::-1]
    shuffled.positions += shuffled.cell.array[0]  # another image, another order: the same frame
    same = Labelled(shuffled, first.energy, first.forces[::-1].copy(), first.virial)
    other = Labelled(given[1].atoms, given[1].energy + 0.1, given[1].forces, given[1].virial)
    again = import_labels(ctx, as_found([same, other, *given[2:], given[2]]), method="others")
    assert (again.new, again.already_there) == (0, 4)
    (refused,) = again.refused
    assert refused.where == "frame 1" and "other numbers" in refused.reason
    label = ctx.labels_of([frame_hash(given[1].atoms)])[frame_hash(given[1].atoms)]
    assert label.energy == given[1].energy


def test_what_cannot_be_used_is_refused_one_by_one(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path)
    good, nan, flat, molecule, strange, pushed = labelled(6)
    nan.forces[3, 1] = np.nan
    molecule.atoms.pbc = False
    strange.atoms.symbols[0] = "Na"
    cases = [
        good,
        nan,
        Labelled(flat.atoms, flat.energy, flat.forces[:-1], flat.virial),
        molecule,
        strange,
        Labelled(pushed.atoms, pushed.energy, pushed.forces + 1.0, pushed.virial),
    ]
    found = [*as_found(cases), Found("frame 6", None, "it has no energy or no forces")]
    report = import_labels(ctx, found, method="others")
    assert (report.new, report.quarantined) == (2, 1)
    reasons = {one.where: one.reason for one in report.refused}
    assert set(reasons) == {f"frame {i}" for i in (1, 2, 3, 4, 6)}
    assert "finite" in reasons["frame 1"] and "(24, 3)" in reasons["frame 2"]
    assert "periodic" in reasons["frame 3"] and "Na" in reasons["frame 4"]
    doubted = ctx.labels_of([frame_hash(pushed.atoms)])[frame_hash(pushed.atoms)]
    assert (doubted.state, doubted.reason) == ("quarantined", "net-force")


def test_a_method_that_the_campaign_does_not_take_is_refused(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path)
    with pytest.raises(MethodMismatch, match=r"pair[\s\S]*strangers") as caught:
        import_labels(ctx, as_found(labelled(1)), method="strangers")
    assert "label: {declared: [strangers]}" in caught.value.remedy
    assert store.selections.count_imported(NAME) == 0


def test_imported_labels_train_the_next_committee_and_cost_no_budget(
    store: Store, tmp_path: Path
) -> None:
    ctx, hands = begin(store, tmp_path, starts=False), Hands()
    first, later = labelled(30), labelled(8, seed=5, virial=False)
    import_labels(ctx, as_found(first), method="others")
    carry_on(store, hands, lambda: at(store, 0, "explore"))
    hashes = {frame_hash(one.atoms) for one in first}
    assert trained_on(store, 0) <= hashes and len(trained_on(store, 0)) >= 25
    assert store.selections.count(NAME) == 0
    import_labels(ctx, as_found(later), method="others")
    carry_on(store, hands, lambda: at(store, 1, "explore"))
    new = {frame_hash(one.atoms) for one in later}
    (key,) = {job.items[0] for job in store.jobs.of_stage(NAME, 1, "train")}
    made = store.training_sets.get(key)
    assert made is not None and made.method == ctx.method != ctx.bare_method
    assert new <= set(made.added)
    assert set(made.added) - new <= set(store.selections.reasons(NAME, 0))


def test_labels_by_the_labeller_itself_are_never_computed_again(
    store: Store, tmp_path: Path
) -> None:
    ctx, hands = begin(store, tmp_path), Hands()
    starts = [one.atoms for group in ctx.starts.values() for one in group]
    hold = [f for f in starts if len(f) == len(starts[0])][1:4]
    given = []
    for atoms in hold:
        found = ctx.labeller.label(atoms, tmp_path)
        given.append(Labelled(atoms, found.energy, found.forces, found.virial))
    report = import_labels(ctx, as_found(given), method="campaign")
    assert report.new == 3
    carry_on(store, hands, lambda: at(store, 0, "train"))
    planned = {f for job in store.jobs.of_stage(NAME, 0, "start") for f in job.items}
    assert planned and planned.isdisjoint(frame_hash(one) for one in hold)
    assert ctx.store.labels.costs(ctx.bare_method)
    assert all(seconds > 0 for _, seconds in ctx.store.labels.costs(ctx.bare_method))


def test_a_failed_label_gives_way_to_an_imported_one(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path)
    (one,) = labelled(1)
    key = frame_hash(one.atoms)
    store.frames.put_many({key: one.atoms})
    store.labels.put_many(
        [
            LabelRecord(
                frame=key,
                method=ctx.bare_method,
                state="failed",
                reason="scf-not-converged",
                engine="pair",
                seconds=1.0,
                cores=1,
                host="h",
                when=datetime.now(timezone.utc),
            )
        ]
    )
    import_labels(ctx, as_found([one]), method="others")
    assert ctx.labels_of([key])[key].energy == one.energy
    assert store.labels.states([key], ctx.bare_method) == {key: "failed"}
    assert "others" in ctx.labels_of([key])[key].detail


def test_a_label_that_an_engine_withdrew_is_not_replaced(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path)
    (one,) = labelled(1)
    key = frame_hash(one.atoms)
    store.frames.put_many({key: one.atoms})
    store.labels.put_many(
        [
            LabelRecord(
                frame=key,
                method=ctx.bare_method,
                state="quarantined",
                reason="method-changed",
                engine="pair",
                seconds=1.0,
                cores=1,
                host="h",
                when=datetime.now(timezone.utc),
            )
        ]
    )
    report = import_labels(ctx, as_found([one]), method="campaign")
    assert (report.new, len(report.refused)) == (0, 1)
    assert "quarantine" in report.refused[0].reason
    assert store.selections.count_imported(NAME) == 0


def test_a_campaign_that_is_made_again_takes_its_labels_back(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path)
    given = labelled(5)
    import_labels(ctx, as_found(given), method="others")
    store.delete_campaign(NAME)
    again = begin(store, tmp_path)
    assert store.selections.count_imported(NAME) == 0
    assert take_back(again) == 5
    assert take_back(again) == 0
    assert store.selections.hashes(NAME) == {frame_hash(one.atoms) for one in given}


def test_a_format_that_hides_convergence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text("")
    with pytest.raises(UserError, match="converged") as caught:
        read_data_set(tmp_path / "OUTCAR", "vasp-out")
    assert "vasp/outcar" in caught.value.remedy
    with pytest.raises(UserError, match="neither dpdata nor ASE"):
        read_data_set(tmp_path / "OUTCAR", "nothing")
    (found,) = read_data_set(tmp_path / "OUTCAR", "vasp/outcar")
    assert found.label is None


@pytest.mark.skipif(not VASP.is_dir(), reason="outputs of VASP are not here")
def test_outputs_of_vasp() -> None:
    found = list(read_data_set(VASP / "OUTCAR.ch4.unconverged"))
    assert sum(one.label is not None for one in found) == 1
    assert sum("converge" in one.reason for one in found) == 2
    novirial = list(read_data_set(VASP / "vasprun.h2o.md.novirial.xml"))
    assert [one.label is not None and one.label.virial is None for one in novirial] == [True] * 3
    (xml,) = read_data_set(VASP / "vasprun.Ge.vdw.xml")
    (outcar,) = read_data_set(VASP / "OUTCAR.Ge.vdw")
    assert xml.label is not None and outcar.label is not None
    assert xml.label.energy == pytest.approx(outcar.label.energy, abs=1e-6)
    # "free  energy   TOTEN", read off the OUTCAR
    lines = (VASP / "OUTCAR.Ge.vdw").read_text().splitlines()
    (total,) = [float(x.split()[-2]) for x in lines if "free  energy   TOTEN" in x]
    assert outcar.label.energy == total


@pytest.mark.skipif(not (SHARED / "si-zeo22").is_dir(), reason="labels of zeolites are not here")
def test_real_labels_without_a_virial(store: Store, tmp_path: Path) -> None:
    data = np.load(SHARED / "si-zeo22" / "edi.npz")
    frames = [
        Labelled(
            Atoms(
                list(data["symbols"]),
                positions=data["positions"][i].astype(float),
                cell=data["cells"][i].astype(float),
                pbc=True,
            ),
            float(data["energies"][i]),
            data["forces"][i].astype(float),
            None,
        )
        for i in range(600)
    ]
    write_systems(frames, elements=("Si", "O"), folder=tmp_path / "zeo")
    ctx = begin(store, tmp_path, starts=False)
    report = import_labels(ctx, read_data_set(tmp_path / "zeo"), method="others")
    assert (report.new + report.already_there, report.refused) == (600, [])
    assert report.quarantined == 0
    keys = [frame_hash(one.atoms) for one in frames]
    labels = ctx.labels_of(keys)
    assert all(labels[key].energy == one.energy for key, one in zip(keys, frames, strict=True))
    assert all(label.virial is None for label in labels.values())
    assert labels[keys[0]].method != declared("others").id  # that of the campaign, made of it
