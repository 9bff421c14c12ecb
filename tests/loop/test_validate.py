"""A campaign makes glasses of its potential, and is converged only if they pass the gates."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.campaign.validate import GlassGroup
from al_loop.errors import UserError
from al_loop.frame import frame_hash, read_frames
from al_loop.glass import GROUPS
from al_loop.launch.control import amend
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.gates_check import check_gates
from al_loop.loop.jobs import run_job
from al_loop.loop.measuring import collect_measurement
from al_loop.loop.rehearsal import rehearsal_of
from al_loop.loop.stages.explore import walkers_of
from al_loop.loop.status import status_of
from al_loop.loop.validating import course_of
from al_loop.store import Connection, GateRecord, IterationRecord, Store
from tests.campaigns import CHEAP, write_campaign
from tests.loop.test_late_labels import NAME, Hands, at, carry_on, state
from tests.loop.test_quench import kill_job

pytestmark = pytest.mark.engine

SHORT = {
    "systems": {
        "silica": {"formula": "SiO2", "atoms": 24, "density": 2.2, "min_distance": {"O-O": 2.2}}
    },
    "melt": {"temperature": 1000, "ps": 0.02},
    "quench": {"rate": 10_000, "to": 300},
    "glass": {"ps": 0.02, "frames": 4},
    "ensemble": "nvt",
    "samples": 2,
    "most_samples": 4,
    "explore": 3,
    "measure": ["structure"],
}
"""20 steps of melt, (1000 - 300) / 10,000 = 0.07 ps on the way down, 20 steps of glass."""
EASY: dict[str, Any] = {
    "candidate_fraction": 1.0,
    "audit_force_rmse": 1e6,
    "force_error": 1e6,
    "flat": None,
    "iterations": 1,
}
"""Targets of the audit that any committee meets as soon as there are audit frames enough."""


def asking(
    folder: Path,
    gates: Mapping[str, str],
    *,
    budget: int = 2,
    audit: float = EASY["audit_force_rmse"],
    **wish: object,
) -> CampaignSpec:
    """The cheap campaign with one exploration stage, and a glass."""
    data = dump_campaign(load_campaign(write_campaign(folder, CHEAP, name=NAME)))
    data["explore"]["stages"] = [
        {**data["explore"]["stages"][0], "temperatures": [300], "steps": 60}
    ]
    data["explore"]["temperature_factor"] = 20  # so fast a quench runs behind its thermostat
    # The potential has to know oxygen at close quarters, or the glass collapses (as it should).
    data["structures"]["packed"] |= {"boxes": 4, "perturb": {"copies": 5, "rattle": 0.2}}
    data["select"] |= {"audit": 8, "batch": 2, "trust": {"lower": 2.0, "upper": 50.0}}
    data["budget"]["iterations"] = budget
    data["converge"] = {**EASY, "audit_force_rmse": audit, "glass": gates}
    data["validate"] = {**SHORT, **wish}
    return CampaignSpec.model_validate(data | {"folder": str(folder / NAME)})


def begin(store: Store, folder: Path, gates: Mapping[str, str], **wish: Any) -> CampaignSpec:
    spec = asking(folder, gates, **wish)
    register(store, spec, base=folder)
    return spec


def last(store: Store) -> IterationRecord:
    found = store.iterations.latest(NAME)
    assert found is not None
    return found


def told(store: Store, kind: str) -> list[str]:
    return [one.text for one in store.events.latest(NAME, 500) if one.kind == kind]


def gate(records: tuple[GateRecord, ...], observable: str) -> GateRecord:
    (found,) = (one for one in records if one.observable == observable)
    return found


def test_a_campaign_whose_glass_passes_is_converged(store: Store, tmp_path: Path) -> None:
    """One that ended without: its last committee makes the glass when it is asked for."""
    spec = asking(tmp_path, {"density": "2 %", "closest_Si-O": ">= 0.5 Å"})
    easy = spec.converge.model_copy(update={"glass": {}})
    without = spec.model_copy(update={"validation": None, "converge": easy})
    register(store, without, base=tmp_path)
    carry_on(store, Hands(), lambda: state(store) != "running")
    assert state(store) == "converged" and "validate" not in last(store).seconds
    index = last(store).index
    store.campaigns.amend(NAME, dump_campaign(spec), pending=None)
    store.campaigns.set_state(NAME, "running", "")
    carry_on(store, Hands(), lambda: state(store) != "running")
    assert last(store).index == index
    record = store.campaigns.get(NAME)
    assert record is not None
    assert record.state == "converged", record.reason
    assert "glass" in record.reason
    final = last(store)
    assert final.seconds.keys() >= {"train", "validate", "assess"}
    # the density that boxes are packed at is kept by nvt, and that of silica is 2.20 g/cm3
    density = gate(final.glass, "density")
    assert density.value == pytest.approx(2.2, rel=1e-6)
    assert (density.state, density.samples, density.unit) == ("passed", 2, "g/cm3")
    glasses = store.glasses.of_iteration(NAME, final.index)
    assert [(one.system, one.sample, one.frames) for one in glasses] == [
        ("silica", 0, 4),
        ("silica", 1, 4),
    ]
    for one in glasses:
        model = store.models.get(one.model)
        assert model is not None and model.iteration == final.index
        heat = [s.temperature for s in one.states]
        assert heat == sorted(heat, reverse=True) and heat[0] == 1000 and heat[-1] == 300
        frames = store.frames.get_many(s.frame for s in one.states)
        assert all(atoms.get_chemical_formula() == "O16Si8" for atoms in frames.values())
    (measured,) = store.glasses.measured(NAME, final.index).values()
    assert measured.samples == (0, 1) and {v.name for v in measured.values} >= {"density", "si4"}
    (told_of,) = [it for it in status_of(store, NAME).campaigns[0].iterations if it.glass]
    assert told_of.glass == final.glass

    # Held to more, the same glasses are judged again, and the campaign has a budget to go on.
    amended(store, {"si4": ">= 101 %"})
    hands = Hands()
    hands.hold = lambda job: job.stage == "explore"
    carry_on(store, hands, lambda: at(store, final.index + 1, "explore"))
    assert not any(it.stage == "validate" for it in store.iterations.all(NAME))
    assert len(store.glasses.of_iteration(NAME, final.index)) == 2


def amended(store: Store, gates: Mapping[str, str], **changes: Any) -> None:
    """Ask for other gates, and let the campaign run."""
    data = dump_campaign(Context(store, NAME).spec)
    data["converge"]["glass"] = gates
    store.campaigns.amend(NAME, data | changes, pending=None)
    store.campaigns.set_state(NAME, "running", "")


def from_glass(store: Store, iteration: int) -> list[str]:
    """Frames from which walkers of an iteration start that a glass has passed through."""
    walkers = walkers_of(Context(store, NAME), iteration)
    return [name for name in walkers if ".glass-" in name]


def test_more_samples_are_made_before_a_verdict_and_a_failure_is_explored(
    store: Store, tmp_path: Path
) -> None:
    begin(store, tmp_path, {"density": "2 %"}, samples=2, most_samples=3)
    hands = Hands()
    hands.hold = lambda job: job.name.startswith("measure")
    carry_on(store, hands, lambda: any(hands.hold(job) for job in store.jobs.all_due(NAME)))
    index = last(store).index
    assert at(store, index, "validate") and from_glass(store, index) == []
    # A bound in the midst of the error bar: two samples cannot tell.
    (job,) = [job for job in store.jobs.all_due(NAME) if hands.hold(job)]
    run_job(Context(store, NAME).folder_of(job).path)
    found = collect_measurement(Context(store, NAME).folder_of(job)).values["length_Si-O"]
    assert found.error is not None and found.error > 0
    amended(store, {"length_Si-O": f"<= {found.value:.6f} Å"})
    carry_on(store, hands, lambda: bool(told(store, "stage-continues")[1:]))
    names = {job.name for job in store.jobs.of_stage(NAME, index, "validate")}
    assert names >= {"silica-0", "silica-1", "silica-2", "measure.silica-2"}
    assert any("length_Si-O undecided" in text for text in told(store, "stage-continues"))
    # Now it cannot be passed: the campaign says so, and goes on from the glasses.
    amended(store, {"length_Si-O": "<= 1.0 Å"})
    hands.hold = lambda job: job.stage == "explore"
    carry_on(store, hands, lambda: at(store, index, "explore"))
    failed = gate(last(store).glass, "length_Si-O")
    assert (failed.state, failed.samples) == ("failed", 3) and failed.value is not None
    (said,) = told(store, "glass-failed")
    assert "length_Si-O failed" in said and "up to 3 states" in said and "silica" in said
    glasses = store.glasses.of_iteration(NAME, index)
    assert [one.sample for one in glasses] == [0, 1, 2]
    ctx = Context(store, NAME)
    walkers = walkers_of(ctx, index)
    names_of = from_glass(store, index)
    assert len(names_of) == 3
    phases = {s.frame: s.phase for one in glasses for s in one.states}
    starts = [phases[frame_hash(walkers[name][1])] for name in names_of]
    assert (starts[0], starts[-1]) == ("melt", "glass")
    heat = [walkers[name][0].temperature_at(0) for name in names_of]
    assert heat[0] == 1000 and heat[-1] == 300 and heat == sorted(heat, reverse=True)
    # They are walked and may be labelled like any others; the campaign ends when its budget does.
    hands.hold = lambda job: False
    carry_on(store, hands, lambda: at(store, index, "label") or at(store, index, "done"))
    walked = {walk.walker: walk.structure for walk in store.walks.of_iteration(NAME, index)}
    assert {walked[name] for name in names_of} == {"silica.glass"}
    record = store.iterations.get(NAME, index)
    assert record is not None and record.counts.explored > 13 * len(names_of)
    carry_on(store, hands, lambda: state(store) != "running")
    ended = store.campaigns.get(NAME)
    assert ended is not None and ended.state == "stopped"
    assert "budget of 2 iterations spent" in ended.reason and "length_Si-O failed" in ended.reason
    assert "the campaign ends (budget of 2" in told(store, "glass-failed")[-1]


def test_of_a_glass_too_large_to_be_labelled_smaller_boxes_are_quenched(
    store: Store, tmp_path: Path
) -> None:
    large = {"silica": SHORT["systems"]["silica"] | {"atoms": 48}}  # type: ignore[index]
    wish = {"systems": large, "explore_up_to": 24, "samples": 2}
    begin(store, tmp_path, {"length_Si-O": "<= 1.0 Å"}, **wish)
    carry_on(store, Hands(), lambda: bool(told(store, "glass-failed")))
    (said,) = told(store, "glass-failed")
    assert "2 quenches of packed for silica" in said and "states" not in said
    index = last(store).index
    glasses = store.glasses.of_iteration(NAME, index)
    atoms = store.frames.get_many(s.frame for one in glasses for s in one.states)
    assert {len(one) for one in atoms.values()} == {48}
    carry_on(store, Hands(), lambda: at(store, index, "label") or at(store, index, "done"))
    names = from_glass(store, index)
    assert names == ["silica.glass-quench-0", "silica.glass-quench-1"]
    walks = {one.walker: one for one in store.walks.of_iteration(NAME, index)}
    assert {walks[name].structure for name in names} == {"silica.glass"}
    walkers = walkers_of(Context(store, NAME), index)
    for walker, box in (walkers[name] for name in names):
        assert len(box) == 24 and walker.temperature_at(20) == 1000  # 20 steps of melt
        assert walker.temperature_at(walker.steps) == 300
    chosen = store.frames.get_many(one.frame for one in store.selections.of_campaign(NAME))
    assert max(len(one) for one in chosen.values()) == 24


def test_a_glass_that_was_killed_goes_on_and_is_the_same(store: Store, tmp_path: Path) -> None:
    """Of a campaign whose budget is spent, and that asks for the glass all the same.

    After one a second is made, since one tells nothing of the scatter between glasses.
    """
    long = {"ps": 0.3, "frames": 4}
    wish = {"glass": long, "samples": 1, "at_budget": True, "budget": 1, "audit": 1e-9}
    begin(store, tmp_path, {"density": "2 %"}, **wish)
    hands = Hands()
    hands.hold = lambda job: job.stage == "validate"
    carry_on(store, hands, lambda: any(hands.hold(job) for job in store.jobs.all_due(NAME)))
    index = last(store).index
    (job,) = store.jobs.of_stage(NAME, index, "validate")
    folder = Context(store, NAME).folder_of(job).path
    undisturbed = folder.with_name("alone")
    shutil.copytree(folder, undisturbed)
    run_job(undisturbed)
    kill_job(folder, (folder / "way.deviation.npz").exists)
    assert not (folder / "result.json").exists()
    way = (folder / "way.frames.traj").stat().st_mtime_ns
    hands.hold = lambda job: job.name.startswith("measure")
    carry_on(store, hands, lambda: bool(store.glasses.of_iteration(NAME, index)))
    assert (folder / "way.frames.traj").stat().st_mtime_ns == way, "the quench is not run again"
    for name in ("states.traj", "glass.traj"):
        ours, theirs = (read_frames(path / name) for path in (folder, undisturbed))
        assert [frame_hash(atoms) for atoms in ours] == [frame_hash(atoms) for atoms in theirs]
    # What is in the store is neither made nor measured again, whatever happens to the files.
    shutil.rmtree(folder)
    hands.hold = lambda job: job.name == "silica-0"
    carry_on(store, hands, lambda: state(store) != "running")
    assert store.glasses.measured(NAME, index)["silica"].samples == (0, 1)
    assert any("one glass does not tell" in text for text in told(store, "stage-continues"))
    record = store.campaigns.get(NAME)
    assert record is not None and record.state == "stopped", "a glass that passes is not enough"
    assert "budget of 1 iterations spent" in record.reason and "density passed" in record.reason
    store.delete_campaign(NAME)
    assert not store.glasses.of_iteration(NAME, index)


@pytest.mark.parametrize(
    ("gates", "key", "words"),
    [
        ({"densty": "2 %"}, "converge.glass.densty", "did you mean density"),
        ({"density": "2 Å"}, "converge.glass.density", "g/cm3"),
        ({"density": "about right"}, "converge.glass.density", "not understood"),
        ({"qn_4": "5 %"}, "converge.glass.qn_4", "no reference of qn_4 for odd"),
    ],
)
def test_a_gate_that_cannot_be_judged_is_refused_before_anything_runs(
    tmp_path: Path, gates: dict[str, str], key: str, words: str
) -> None:
    odd = {"odd": {"formula": "Si3O", "atoms": 24, "density": 2.2}}
    with pytest.raises(UserError) as caught:
        check_gates(asking(tmp_path, gates, systems=odd), base=tmp_path)
    assert caught.value.where == key and words in str(caught.value)
    missing = asking(tmp_path, {}, references=["mine.yaml"])
    with pytest.raises(UserError, match="no such file") as caught:
        check_gates(missing, base=tmp_path)
    assert caught.value.where.startswith("validate.references")
    alone = {"samples": 1, "most_samples": 1}
    with pytest.raises(UserError, match="scatter between glasses") as caught:
        check_gates(asking(tmp_path, {"density": "2 %"}, **alone), base=tmp_path)
    assert caught.value.where == "validate.most_samples"
    check_gates(asking(tmp_path, {}, **alone), base=tmp_path)  # to look at it, not to judge it


def test_a_quench_has_the_rate_that_is_asked_for(tmp_path: Path) -> None:
    spec = asking(
        tmp_path,
        {},
        melt={"temperature": 4000, "ps": 10},
        quench={"rate": 7, "to": 300},
        glass={"ps": 10, "frames": 20},
        ensemble="npt",
        timestep=2.0,
    )
    course = course_of(spec, seed=1)
    melt, down = course.way.legs
    assert down.temperature == (4000, 300) and down.ensemble == "npt"
    assert 3700 / (down.steps * 0.002) == pytest.approx(7, rel=1e-4)  # K/ps
    assert melt.steps >= 5000 and course.melted == melt.steps
    assert course.way.steps % course.way.sample_every == 0, "its end is a sample"
    assert 50 <= course.way.steps // course.way.sample_every <= 60
    samples = course.hold.steps // course.hold.sample_every + 1
    assert samples - course.skip == 20
    measured = (samples - course.skip) * course.hold.sample_every * 0.002
    assert measured == pytest.approx(8, rel=0.05), "the first fifth of 10 ps is left out"


def test_a_rehearsal_makes_glasses_and_does_not_judge_them(tmp_path: Path) -> None:
    spec = asking(tmp_path, {"density": "2 %"})
    real = spec.model_copy(update={"label": spec.label.model_copy(update={"engine": "xtb"})})
    rehearsal = rehearsal_of(real, "pair")
    assert rehearsal.spec.validation == spec.validation and not rehearsal.spec.converge.glass
    assert any("converge.glass is left out" in text for text in rehearsal.changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"most_samples": 1}, "most_samples must not be below samples"),
        ({"quench": {"to": 4000}}, "quench.to must be below melt.temperature"),
        ({"model": 7}, "members are numbered from 0 to 2"),
        ({"systems": {"x": {"formula": "NaCl", "atoms": 8, "density": 2}}}, "not among elements"),
    ],
)
def test_what_cannot_be_is_said_with_its_key(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        asking(tmp_path, {}, **change)


def test_gates_without_a_glass_are_an_error(tmp_path: Path) -> None:
    data = dump_campaign(asking(tmp_path, {"density": "2 %"}))
    with pytest.raises(ValueError, match="no glass is made: `validate` says"):
        CampaignSpec.model_validate({**data, "validate": None})


def test_the_groups_that_can_be_measured_are_those_of_the_glass_room() -> None:
    assert get_args(GlassGroup) == GROUPS


def test_an_amendment_with_gates_that_cannot_be_judged_changes_nothing(
    store: Store, connection: Connection, tmp_path: Path
) -> None:
    spec = begin(store, tmp_path, {"density": "2 %"})
    with pytest.raises(UserError, match="no reference of qn_1"):
        amend(connection, asking(tmp_path, {"qn_1": "5 %"}))
    assert Context(store, NAME).spec == spec
    amend(connection, asking(tmp_path, {"density": "3 %"}))
    assert Context(store, NAME).spec.converge.glass == {"density": "3 %"}
