"""D3 beside the labels: nothing is computed twice for it, and no two methods are mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dftd3.ase import DFTD3

from al_loop.campaign import CampaignSpec, dump_campaign, parse_campaign
from al_loop.d3 import calculator_arguments
from al_loop.errors import MethodMismatch
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.amend import plan_amendment
from al_loop.loop.context import Context
from al_loop.loop.jobs import run_job
from al_loop.loop.review import quarantine, release, rerun
from al_loop.loop.stages.labelling import salvage
from al_loop.loop.status import campaign_status
from al_loop.store import Store
from al_loop.units import virial_from_stress
from tests.campaigns import CHEAP, computed
from tests.loop.test_late_labels import Hands

LABELS = {"where": "labels"}


def spec_of(name: str, dispersion: dict[str, Any] | None, **changes: Any) -> CampaignSpec:
    data = dump_campaign(parse_campaign(CHEAP.format(name=name)))
    data["budget"]["iterations"] = 1
    return CampaignSpec.model_validate({**data, "dispersion": dispersion, **changes})


def begin(store: Store, folder: Path, name: str, dispersion: dict[str, Any] | None) -> Context:
    spec = spec_of(name, dispersion, folder=str(folder / name))
    register(store, spec, base=folder)
    return Context(store, name)


def finish(store: Store, name: str, *, until_stage: tuple[int, str] | None = None) -> None:
    """Run a campaign to its end, or until it has reached a stage."""
    hands = Hands()
    for _ in range(60):
        advance(store, name, hands)
        record, latest = store.campaigns.get(name), store.iterations.latest(name)
        assert record is not None and latest is not None
        if record.state != "running" or (latest.index, latest.stage) == until_stage:
            return
    raise AssertionError(f"stuck: {store.iterations.latest(name)}")


@pytest.mark.engine
def test_labels_with_d3_are_made_from_those_that_are_there(store: Store, tmp_path: Path) -> None:
    bare = begin(store, tmp_path, "bare", None)
    finish(store, "bare")
    with_d3 = begin(store, tmp_path, "with", LABELS)
    finish(store, "with")
    assert with_d3.method != bare.method == with_d3.bare_method
    initial = store.selections.hashes("bare", 0)
    assert initial & computed(tmp_path / "bare").keys()
    assert not initial & computed(tmp_path / "with").keys()  # none is computed again
    assert set(computed(tmp_path / "with").values()) == {1}  # what was explored has been labelled
    frames = store.selections.hashes("with")
    corrected = store.labels.get_many(frames, with_d3.method)
    plain = store.labels.get_many(frames, bare.method)
    assert corrected.keys() == plain.keys() == frames
    good = 0
    for frame, atoms in store.frames.get_many(frames).items():
        one, other = corrected[frame], plain[frame]
        assert (one.state, one.seconds, one.engine) == (other.state, other.seconds, "pair")
        if one.energy is None or other.energy is None:
            continue
        good += 1
        atoms.calc = DFTD3(**calculator_arguments(with_d3.spec.dispersion.d3))  # type: ignore[union-attr]
        virial = virial_from_stress(atoms.get_stress(voigt=False), atoms.get_volume())
        assert one.energy - other.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
        assert one.forces - other.forces == pytest.approx(atoms.get_forces(), abs=1e-9)  # type: ignore[operator]
        assert one.virial - other.virial == pytest.approx(virial, abs=1e-9)  # type: ignore[operator]
    assert good > 20
    energies = {corrected[f].energy for f in corrected}
    trained = with_d3.labelled_frames(initial)
    assert trained and {labelled.energy for _, labelled in trained} <= energies


@pytest.mark.engine
def test_bare_labels_of_a_campaign_with_d3_serve_one_without(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path, "with", LABELS)
    finish(store, "with")
    bare = begin(store, tmp_path, "bare", None)
    finish(store, "bare", until_stage=(0, "train"))
    assert computed(tmp_path / "bare") == {}
    assert bare.labelled_frames(store.selections.hashes("bare"))
    one = begin(store, tmp_path, "zero", {**LABELS, "damping": "zero"})
    finish(store, "zero", until_stage=(0, "train"))
    assert computed(tmp_path / "zero") == {}
    assert store.methods.get(one.method).fingerprint["added dispersion"] == "D3 zero pbe"  # type: ignore[union-attr]


@pytest.mark.engine
def test_labels_that_a_lost_job_leaves_are_kept_in_both_kinds(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path, "with", LABELS)
    hands = Hands()
    hands.hold = lambda job: True
    advance(store, "with", hands)
    job = store.jobs.due("with", 0, "start")[0]
    folder = ctx.folder_of(job)
    run_job(folder.path)
    (folder.path / "result.json").unlink()
    assert salvage(ctx, job)
    for method in ctx.methods:
        assert store.labels.known(job.items, method) == set(job.items)


@pytest.mark.engine
def test_what_a_person_says_of_a_label_holds_for_the_bare_one_too(
    store: Store, tmp_path: Path
) -> None:
    ctx = begin(store, tmp_path, "with", LABELS)
    finish(store, "with", until_stage=(0, "train"))
    first, second = sorted(f for f, _ in ctx.labelled_frames(store.selections.hashes("with")))[:2]

    def states(frame: str) -> list[str]:
        return [store.labels.states([frame], method)[frame] for method in ctx.methods]

    assert len(ctx.methods) == 2
    quarantine(ctx, [first], why="another spin state")
    assert states(first) == ["quarantined", "quarantined"]
    release(ctx, [first])
    assert states(first) == ["ok", "ok"]
    before = store.labels.get_many([second], ctx.method)[second]
    rerun(ctx, [second])
    assert states(second) == ["quarantined", "quarantined"]
    finish(store, "with")
    assert states(second) == ["ok", "ok"]
    after = store.labels.get_many([second], ctx.method)[second]
    assert (after.energy, after.forces.tobytes()) == (before.energy, before.forces.tobytes())  # type: ignore[union-attr]
    assert computed(tmp_path / "with")[second] == 2
    for method in ctx.methods:
        (old,) = store.relabels.of_campaign("with", method, "before")
        assert old.frame == second


@pytest.mark.engine
def test_status_says_what_was_added_and_where(store: Store, tmp_path: Path) -> None:
    ctx = begin(store, tmp_path, "with", LABELS)
    status = campaign_status(store, ctx.record)
    assert status.model_dump(mode="json")["dispersion"] == {
        "where": "labels",
        "functional": "pbe",
        "damping": "bj",
        "cutoff": 15.0,
        "cn_cutoff": 10.0,
    }
    assert str(status.dispersion).startswith("D3(BJ) of PBE, 15/10 Å, added to the labels")
    assert campaign_status(store, begin(store, tmp_path, "bare", None).record).dispersion is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, LABELS),
        (LABELS, None),
        (LABELS, {**LABELS, "cutoff": 20.0}),
        (None, {"where": "md"}),
        (LABELS, {"where": "md"}),
    ],
)
def test_dispersion_does_not_change_in_mid_campaign(
    old: dict[str, Any] | None, new: dict[str, Any] | None
) -> None:
    with pytest.raises(MethodMismatch, match="dispersion cannot change") as caught:
        plan_amendment(spec_of("one", old), spec_of("one", new), begun=False)
    assert "another name" in caught.value.remedy
    assert plan_amendment(spec_of("one", old), spec_of("one", old), begun=True).changes == ()
