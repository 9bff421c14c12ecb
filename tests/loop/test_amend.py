"""What may change in mid-campaign, and from when on it holds."""

from __future__ import annotations

from typing import Any

import pytest

from al_loop.campaign import CampaignSpec, dump_campaign
from al_loop.campaign.load import parse_campaign
from al_loop.errors import MethodMismatch, UserError
from al_loop.loop.amend import plan_amendment
from tests.campaigns import CHEAP

SPEC = parse_campaign(CHEAP.format(name="cheap"))


def changed(**changes: Any) -> CampaignSpec:
    """The cheap campaign with some keys changed, given as ``select__trust={...}``."""
    data = dump_campaign(SPEC)
    for key, value in changes.items():
        *path, last = key.split("__")
        part = data
        for name in path:
            part = part[name]
        part[last] = value
    return CampaignSpec.model_validate(data)


def test_a_budget_holds_at_once() -> None:
    new = changed(budget__iterations=7)
    amendment = plan_amendment(SPEC, new, begun=True)
    assert amendment.now == new
    assert amendment.later is None
    assert [str(c) for c in amendment.changes] == ["budget.iterations: 3 -> 7 (now)"]


def test_trust_levels_hold_from_the_next_iteration_on() -> None:
    new = changed(select__trust__lower=0.3, resources__label={"queue": "cpu"})
    amendment = plan_amendment(SPEC, new, begun=True)
    assert amendment.now.select == SPEC.select
    assert amendment.now.resources.label.queue == "cpu"
    assert amendment.later == new


def test_before_the_first_training_everything_holds_at_once() -> None:
    new = changed(select__trust__lower=0.3)
    amendment = plan_amendment(SPEC, new, begun=False)
    assert (amendment.now, amendment.later) == (new, None)


def test_what_is_the_same_changes_nothing() -> None:
    amendment = plan_amendment(SPEC, SPEC, begun=True)
    assert (amendment.now, amendment.later, amendment.changes) == (SPEC, None, ())


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seed": 12}, "seed"),
        ({"elements": ["O", "Si"]}, "elements"),
        ({"split__test": 0.3}, "split.test"),
        ({"structures__packed__density": 2.5}, "structures.packed.density"),
    ],
)
def test_what_makes_other_frames_is_refused(change: dict[str, Any], key: str) -> None:
    with pytest.raises(UserError, match=key.replace(".", r"\.")) as caught:
        plan_amendment(SPEC, changed(**change), begun=True)
    assert "another name" in caught.value.remedy


def test_a_structure_may_be_added() -> None:
    new = changed(structures__quartz={"crystal": "alpha-quartz"})
    assert plan_amendment(SPEC, new, begun=True).later == new


def test_labels_of_two_methods_are_never_mixed() -> None:
    with pytest.raises(MethodMismatch) as caught:
        plan_amendment(SPEC, changed(label__engine="xtb", label__options={}), begun=True)
    assert "pair" in caught.value.what
    assert "GFN1-xTB" in caught.value.what


def test_another_option_of_the_same_method_is_refused_too() -> None:
    with pytest.raises(MethodMismatch):
        plan_amendment(SPEC, changed(label__options__coulomb_cutoff=11.0), begun=True)


GLASS: dict[str, Any] = {"systems": {"silica": {"formula": "SiO2", "atoms": 24, "density": 2.2}}}


def test_gates_wait_for_the_glasses_that_they_are_of() -> None:
    """A campaign that was begun without may be asked for a glass; what holds now is whole."""
    new = changed(validate=GLASS, converge__glass={"density": "2 %"}, budget__iterations=7)
    amendment = plan_amendment(SPEC, new, begun=True)
    assert amendment.later == new and amendment.now.budget == new.budget
    assert amendment.now.validation is None and not amendment.now.converge.glass
    back = plan_amendment(new, SPEC, begun=True)
    assert back.later == SPEC and back.now.converge.glass == new.converge.glass


def test_a_gate_is_taken_out_at_once_beside_what_waits() -> None:
    old = changed(validate=GLASS, converge__glass={"density": "2 %", "si4": ">= 98 %"})
    data = dump_campaign(old)
    del data["converge"]["glass"]["density"]
    data["select"]["trust"]["lower"] = 0.3
    new = CampaignSpec.model_validate(data)
    amendment = plan_amendment(old, new, begun=True)
    assert amendment.now.converge.glass == {"si4": ">= 98 %"}
    assert amendment.now.select == old.select and amendment.later == new
