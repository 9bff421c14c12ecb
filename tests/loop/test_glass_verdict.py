"""What follows from glasses that are there: measured by hand, since no engine matters here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_loop.errors import UserError
from al_loop.frame import frame_hash
from al_loop.glass import Curve, Estimate, Measurement
from al_loop.launch.submit import register
from al_loop.loop.check import check_campaign
from al_loop.loop.context import Context
from al_loop.loop.ending import ending_of, glass_goes_on, judged_anew, wants_glass
from al_loop.loop.errors import CampaignFailed
from al_loop.loop.gates_check import check_gates, conditions_of
from al_loop.loop.glass_starts import MARK
from al_loop.loop.stages.base import Completed
from al_loop.loop.stages.explore import walkers_of
from al_loop.loop.stages.validate import Validate
from al_loop.loop.validating import ask_for, job_of, rounds_of
from al_loop.store import GlassMeasurement, GlassRecord, IterationRecord, JobRecord, Store
from al_loop.units import density
from tests.loop.test_late_labels import NAME
from tests.loop.test_validate import amended, asking, gate, told
from tests.store.records import walk

FINAL = 1
SURE = {"length_Si-O": Estimate(1.62, 0.0001, 3, "Å")}
LARGE = {"silica": {"formula": "SiO2", "atoms": 3000, "density": 2.2}}
REFERENCE = """\
composition: {SiO2: 100}
values:
  - {name: length_Si-O, value: 1.62, uncertainty: 0.02, unit: Å, method: measurement, source: mine}
"""


class Made:
    """A campaign that has converged but for its glass; its last committee has made some."""

    def __init__(self, store: Store, folder: Path, gates: Mapping[str, str], **wish: Any) -> None:
        self.store, self.folder = store, folder
        register(store, asking(folder, gates, budget=9, **wish), base=folder)
        iterations = store.iterations
        iterations.open(NAME, 0, "train", when=store.clock())
        iterations.move(NAME, 0, from_stage="train", to_stage="done", decision="converged")
        iterations.open(NAME, FINAL, "train", when=store.clock())
        iterations.move(NAME, FINAL, from_stage="train", to_stage="validate")

    @property
    def ctx(self) -> Context:
        return Context(self.store, NAME)

    @property
    def iteration(self) -> IterationRecord:
        found = self.store.iterations.get(NAME, FINAL)
        assert found is not None
        return found

    def glasses(self, samples: int, *, lost: int = 0) -> None:
        """So many are asked for; all jobs are in, the last ``lost`` of them given up."""
        ask_for(self.ctx, self.iteration, samples)
        for n in range(samples):
            job = JobRecord(
                campaign=NAME,
                iteration=FINAL,
                stage="validate",
                name=job_of("silica", n),
                items=("make", "silica", str(n)),
            )
            self.store.jobs.put_many([job])
            if n >= samples - lost:
                self.store.jobs.quarantine(job.id, failure="engine-crashed", words="no such device")
                continue
            now = self.store.clock()
            self.store.jobs.mark_done(job.id, spans=(), started=now, ended=now, host="here")
            self.store.glasses.put(
                GlassRecord(
                    campaign=NAME,
                    iteration=FINAL,
                    system="silica",
                    sample=n,
                    model=f"{NAME}/{FINAL}/0",
                    seed=n,
                    stop="completed",
                    trajectory=f"{n:064d}",
                )
            )

    def measured(
        self,
        samples: int,
        values: Mapping[str, Estimate],
        curves: Mapping[str, Curve] | None = None,
        overlaps: tuple[str, ...] = (),
    ) -> None:
        one = conditions_of(self.ctx.spec, "silica", base=self.folder)
        conditions = replace(
            one, atoms=one.atoms * samples, frames=one.frames * samples, sources=("",) * samples
        )
        file = self.folder / "measured.json"
        Measurement(conditions, values, curves or {}).write(file)
        self.store.glasses.put_measured(
            GlassMeasurement(
                campaign=NAME,
                iteration=FINAL,
                system="silica",
                samples=tuple(range(samples)),
                values=(),
                overlaps=overlaps,
                file=self.store.files.put(file),
            )
        )

    def complete(self) -> Completed:
        return Validate().complete(self.ctx, self.iteration)

    def end(self) -> IterationRecord:
        """The campaign comes to its end with what was found."""
        completed = self.complete()
        self.store.iterations.move(
            NAME,
            FINAL,
            from_stage="validate",
            to_stage="done",
            decision="final",
            glass=completed.facts["glass"],
        )
        return self.iteration


def test_a_verdict_takes_as_many_glasses_as_were_asked_for(store: Store, tmp_path: Path) -> None:
    """A machine that loses two of three leaves one, whose scatter nobody knows."""
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"}, samples=3)
    made.glasses(3, lost=2)
    made.measured(1, SURE)
    with pytest.raises(CampaignFailed, match="1 of 3 glasses of silica could be run: no such dev"):
        made.complete()


def test_after_one_glass_a_second_is_made_whatever_the_first_is_like(
    store: Store, tmp_path: Path
) -> None:
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"}, samples=1)
    made.glasses(1)
    made.measured(1, SURE)
    completed = made.complete()
    assert completed.to == "validate" and rounds_of(made.iteration) == [1, 2]
    assert "one glass does not tell the scatter" in completed.note
    made.glasses(2)
    made.measured(2, {"length_Si-O": Estimate(1.62, 0.001, 2, "Å")})
    completed = made.complete()
    assert completed.to == "assess"
    assert gate(completed.facts["glass"], "length_Si-O").state == "passed"


def test_one_glass_fails_where_its_atoms_overlap(store: Store, tmp_path: Path) -> None:
    """That is of the sample itself: no second one is waited for."""
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"}, samples=1)
    made.glasses(1)
    made.measured(1, SURE, overlaps=("O-O 0.9 Å",))
    completed = made.complete()
    assert completed.to == "explore" and rounds_of(made.iteration) == [1]
    assert gate(completed.facts["glass"], "overlapping_pairs").state == "failed"


def test_one_that_is_lost_beyond_those_is_told_of(store: Store, tmp_path: Path) -> None:
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"}, samples=2)
    made.glasses(3, lost=1)
    made.measured(2, SURE)
    completed = made.complete()
    assert completed.to == "assess"
    said = gate(completed.facts["glass"], "made")
    assert said.words == "2 of 3 glasses were made; 1 could not be run" and said.state == "passed"


def test_a_sample_that_could_not_be_measured_is_not_counted(store: Store, tmp_path: Path) -> None:
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"}, samples=3)
    made.glasses(3)
    made.measured(3, {"length_Si-O": Estimate(1.62, 0.0001, 2, "Å")})
    assert gate(made.complete().facts["glass"], "length_Si-O").samples == 2


def test_a_round_that_nobody_has_planned_is_not_followed_by_another(
    store: Store, tmp_path: Path
) -> None:
    """Killed between asking for more glasses and planning them."""
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.62 Å"}, samples=2, most_samples=9)
    made.glasses(2)
    made.measured(2, {"length_Si-O": Estimate(1.62, 0.01, 2, "Å")})
    assert made.complete().to == "validate" and rounds_of(made.iteration) == [2, 4]
    assert made.complete().to == "validate" and rounds_of(made.iteration) == [2, 4]


def test_more_glasses_are_made_for_a_curve_that_is_not_sure(store: Store, tmp_path: Path) -> None:
    r = np.linspace(1.0, 6.0, 101)
    file = tmp_path / "mine.csv"
    rows = "".join(f"{x:.3f},{1.0 + 0.5 * np.sin(3 * x):.6f}\n" for x in r)
    file.write_text(
        "# name: g_neutron\n# composition: SiO2\n# method: measurement\n# source: mine\n"
        "# tolerance: 0.01\nr (Å), g (1)\n" + rows
    )
    made = Made(
        store,
        tmp_path,
        {"g_neutron": "1 %"},
        samples=2,
        most_samples=4,
        references=["mine.csv"],
    )
    made.glasses(2)
    rng = np.random.default_rng(5)
    y = 1.0 + 0.5 * np.sin(3 * r) + rng.normal(0.0, 0.05, len(r))
    made.measured(2, {}, {"g_neutron": Curve(r, y, np.full(len(r), 0.05), 2, "Å", "")})
    completed = made.complete()
    assert completed.to == "validate" and rounds_of(made.iteration) == [2, 4], completed.note


def test_nothing_is_labelled_for_a_gate_that_says_nothing(store: Store, tmp_path: Path) -> None:
    made = Made(store, tmp_path, {"fsdp": "0.1 1/Å"})
    made.glasses(2)
    made.measured(2, SURE)
    with pytest.raises(CampaignFailed, match="do not say whether") as caught:
        made.complete()
    assert "al-loop amend" in str(caught.value) and not told(store, "glass-failed")


@pytest.mark.parametrize(
    ("changes", "instead"),
    [
        ({}, {}),
        ({"explore_up_to": 24}, {"silica": "packed"}),  # 24 atoms; the crystal, too
        ({"explore_up_to": 23}, {"silica": None}),
        ({"atoms": 252}, {"silica": "packed"}),  # by default
        ({"atoms": 252, "explore_up_to": 252}, {}),
        ({"formula": "Si3O", "atoms": 252}, {"silica": None}),
    ],
)
def test_where_a_glass_is_too_large_a_structure_stands_for_it_if_there_is_one(
    tmp_path: Path, changes: dict[str, Any], instead: dict[str, str | None]
) -> None:
    size = {"formula": "SiO2", "atoms": 48, "density": 2.2}
    limit = {k: v for k, v in changes.items() if k == "explore_up_to"}
    size |= {k: v for k, v in changes.items() if k != "explore_up_to"}
    spec = asking(tmp_path, {}, systems={"silica": size}, **limit)
    found = check_campaign(spec, base=tmp_path).validating
    assert found is not None and found.too_large == instead


def test_what_is_not_small_enough_is_not_explored(store: Store, tmp_path: Path) -> None:
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.0 Å"}, systems=LARGE, explore_up_to=23)
    made.glasses(2)
    made.measured(2, SURE)
    made.end()
    assert (
        "none for silica, of which no structure is small enough" in told(store, "glass-failed")[0]
    )
    assert not any(".glass-" in name for name in walkers_of(made.ctx, FINAL))


def test_quenches_begin_where_walkers_have_ended_nearest_in_density(
    store: Store, tmp_path: Path
) -> None:
    wish = {"systems": LARGE, "explore_up_to": 24, "samples": 2}
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.0 Å"}, **wish)
    made.glasses(2)
    made.measured(2, SURE)
    made.end()
    first = [one for name, one in sorted(walkers_of(made.ctx, FINAL).items()) if MARK in name]
    boxes = [start.atoms for start in made.ctx.starts["packed"] if start.pristine]
    assert [frame_hash(atoms) for _, atoms in first] == [frame_hash(one) for one in boxes[:2]]
    for k, factor in enumerate((1.2, 0.99, 1.03)):  # of the lengths, in walkers' order
        atoms = boxes[0].copy()
        atoms.set_cell(atoms.cell * factor, scale_atoms=True)
        store.frames.put_many({frame_hash(atoms): atoms})
        ended = {"campaign": NAME, "iteration": 0, "structure": "packed", "last": frame_hash(atoms)}
        store.walks.put_many([replace(walk(f"packed-{k}", 3), **ended)])
    then = [one for name, one in sorted(walkers_of(made.ctx, FINAL).items()) if MARK in name]
    assert [density(one) / 2.2 for _, one in then] == pytest.approx([0.99**-3, 1.03**-3], rel=0.01)


def test_a_composition_that_is_asked_for_after_the_end_is_not_taken_as_passed(
    store: Store, tmp_path: Path
) -> None:
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"})
    made.glasses(2)
    made.measured(2, SURE)
    final = made.end()
    assert not wants_glass(made.ctx, final) and ending_of(made.ctx, final).state == "converged"
    validate = made.ctx.record.spec["validate"]
    more = {"dense": validate["systems"]["silica"] | {"density": 2.6}}
    systems = {"systems": validate["systems"] | more}
    amended(store, {"length_Si-O": "<= 1.7 Å"}, validate=validate | systems)
    final = judged_anew(made.ctx, final)
    assert wants_glass(made.ctx, final)
    assert ending_of(made.ctx, final).state == "stopped" and not glass_goes_on(made.ctx, final)


def test_what_fails_by_the_gates_of_now_is_kept_and_so_explored(
    store: Store, tmp_path: Path
) -> None:
    made = Made(store, tmp_path, {"length_Si-O": "<= 1.7 Å"})
    made.glasses(2)
    made.measured(2, SURE)
    final = made.end()
    amended(store, {"length_Si-O": "<= 1.6 Å"})
    assert glass_goes_on(made.ctx, judged_anew(made.ctx, final))
    assert gate(made.iteration.glass, "length_Si-O").state == "failed"


def test_modes_of_a_glass_that_is_small_enough_may_be_asked_for(tmp_path: Path) -> None:
    for atoms, wish in ((396, {}), (450, {"modes_up_to": 450})):
        size = {"silica": {"formula": "SiO2", "atoms": atoms, "density": 2.2}}
        wish = {"measure": ["vibrations"], "systems": size, **wish}
        check_gates(asking(tmp_path, {"imaginary_modes": "<= 0"}, **wish), base=tmp_path)


@pytest.mark.parametrize(
    ("gates", "wish", "words"),
    [
        ({"bulk": "10 %"}, {}, "bulk_modulus is not measured: it is of the group mechanics"),
        ({"rings_king_3": "<= 0.1"}, {}, "of the group rings, and validate.measure is structure"),
        ({"b4": "<= 10 %"}, {}, r"silica \(SiO2\) has no B"),
        ({"conductivity": ">= 1 S/cm"}, {"measure": ["dynamics"]}, "not measured of a campaign's"),
        ({"vacf_Si": "10 %"}, {"measure": ["dynamics"]}, "not measured of a campaign's"),
        ({"fictive_temperature": "<= 1500 K"}, {}, "not measured of a campaign's"),
        (
            {"green_kubo_Si": "<= 1 cm2/s"},
            {"measure": ["dynamics"]},
            "not measured of a campaign's",
        ),
        (
            {"imaginary_modes": "<= 0"},
            {"measure": ["vibrations"], "systems": LARGE},
            r"up to 400 atoms \(validate.modes_up_to\); silica has 3000\n.*3\.2 GB",
        ),
        (
            {"vdos_neutron": "10 %"},
            {"measure": ["vibrations"], "modes_up_to": 12},
            r"up to 12 atoms .*; silica has 24",
        ),
        ({"length_Si-O": "0.03 Å"}, {"references": ["mine.yaml"]}, r"can never be shown.*±0\.04"),
    ],
)
def test_a_gate_that_no_glass_can_pass_is_refused(
    tmp_path: Path, gates: dict[str, str], wish: dict[str, Any], words: str
) -> None:
    (tmp_path / "mine.yaml").write_text(REFERENCE)
    with pytest.raises(UserError, match=words) as caught:
        check_gates(asking(tmp_path, gates, **wish), base=tmp_path)
    assert str(caught.value.where).startswith("converge.glass.")
