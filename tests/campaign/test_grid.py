"""Grids of compositions, against compositions counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ase.formula import Formula

from al_loop.campaign import CampaignSpec, dump_campaign, parse_campaign
from al_loop.campaign.composition import compositions, title, whole_units
from al_loop.campaign.structures import MeltQuenchSource, PackedSource
from al_loop.errors import CampaignFileError
from al_loop.resources import resource_folder
from al_loop.structures import build_structures

DISTANCES = {"O-O": 1.8, "Si-O": 1.4, "Si-Si": 2.4, "Na-O": 1.9, "Na-Si": 2.4, "Na-Na": 2.4}


def with_grid(text: str, given: dict[str, Any], *, elements: str = "[Na, Si, O]") -> str:
    """The campaign with a grid called nas in the place of its boxes."""
    begin, end = text.index("  melt:"), text.index("train:")
    text = f"{text[:begin]}  nas: {json.dumps(given)}\n{text[end:]}"
    return text.replace("[Si, O]", elements).replace("[quartz, melt]", "[quartz, nas]")


def nas(**changes: Any) -> dict[str, Any]:
    grid = {"Na2O": [0, 10, 20, 30], "SiO2": "rest"}
    return {"grid": grid, "atoms": 100, "density": 2.4, "min_distance": DISTANCES} | changes


def members(spec: CampaignSpec) -> dict[str, PackedSource]:
    return {name: s for name, s in spec.structures.items() if isinstance(s, PackedSource)}


def test_a_grid_is_a_system_at_each_composition(text: str) -> None:
    spec = parse_campaign(with_grid(text, nas(density=[2.2, 2.29, 2.38, 2.46], boxes=2)))
    found = members(spec)
    # SiO2: 99 or 102. Na2O-9SiO2: 3 + 27 = 30, so 90. Na2O-4SiO2: 15, so 105. 3Na2O-7SiO2: 30.
    assert {name: (s.formula, s.atoms, s.density) for name, s in found.items()} == {
        "nas-100SiO2": ("SiO2", 99, 2.2),
        "nas-10Na2O-90SiO2": ("Na2Si9O19", 90, 2.29),
        "nas-20Na2O-80SiO2": ("Na2Si4O9", 105, 2.38),
        "nas-30Na2O-70SiO2": ("Na6Si7O17", 90, 2.46),
    }
    assert all(s.boxes == 2 and s.label for s in found.values())
    assert found["nas-100SiO2"].min_distance == {"O-O": 1.8, "O-Si": 1.4, "Si-Si": 2.4}


def test_the_grids_name_means_all_of_its_members(text: str) -> None:
    spec = parse_campaign(with_grid(text, nas()))
    assert spec.explore.stages[0].structures == ("quartz", "nas")
    assert spec.systems(["nas", "quartz", "nas-100SiO2"]) == (*members(spec), "quartz")
    assert CampaignSpec.model_validate(dump_campaign(spec)) == spec


@pytest.mark.parametrize(
    ("grid", "atoms", "count"),
    [
        ({"Li2O": {"from": 0, "to": 100, "step": 25}, "B2O3": {"from": 0, "to": 100, "step": 25},
          "SiO2": "rest"}, 48, 15),
        ({name: {"from": 0, "to": 100, "step": 25} for name in ("Li2O", "B2O3", "SiO2")}, 48, 15),
        ({"Li2O": {"from": 10, "to": 30, "step": 10}, "B2O3": [20, 40, 80],
          "SiO2": "rest"}, 100, 8),
        ({"Na2O": 33.3333, "SiO2": "rest"}, 36, 1),
    ],
)  # fmt: skip
def test_ternary_grids_are_counted(text: str, grid: dict[str, Any], atoms: int, count: int) -> None:
    """Steps of a quarter of three oxides: C(4 + 2, 2) = 15. 3 x 3 of which 30 + 80 is too much."""
    given = {"grid": grid, "atoms": atoms, "density": 2.3, "melt_quench": {"potential": "du-teter"}}
    spec = parse_campaign(with_grid(text, given, elements="[Li, Na, B, Si, O]"))
    found = {n: s for n, s in spec.structures.items() if isinstance(s, MeltQuenchSource)}
    assert len(found) == count
    for source in found.values():
        unit = sum(Formula(source.melt_quench.formula).count().values())
        assert source.melt_quench.atoms % unit == 0
        assert abs(source.melt_quench.atoms - atoms) <= atoms / 5
    if count == 15:  # Li2O-2B2O3-SiO2: 3 + 10 + 3 = 16 atoms, three times; B2O3: 5, so 50
        middle = found["nas-25Li2O-50B2O3-25SiO2"].melt_quench
        assert (middle.formula, middle.atoms) == ("Li2B4SiO9", 48)
        assert found["nas-100B2O3"].melt_quench.atoms == 50


def test_what_the_first_oxide_says_changes_slowest() -> None:
    found = compositions({"Li2O": (10.0, 20.0), "B2O3": (0.0, 30.0), "SiO2": "rest"})
    assert [title(one) for one in found] == [
        "10Li2O-90SiO2",
        "10Li2O-30B2O3-60SiO2",
        "20Li2O-80SiO2",
        "20Li2O-30B2O3-50SiO2",
    ]


@pytest.mark.parametrize(
    ("shares", "atoms", "units"),
    [
        ({"Na2O": 33.3, "SiO2": 66.7}, 36, {"Na2O": 4, "SiO2": 8}),  # a disilicate: 0.03 % off
        ({"Na2O": 15.0, "SiO2": 85.0}, 60, {"Na2O": 3, "SiO2": 17}),
        ({"Na2O": 15.0, "SiO2": 85.0}, 99, {"Na2O": 5, "SiO2": 28}),  # 60 and 120 are too far
        ({"Al2O3": 25.0, "SiO2": 75.0}, 100, {"Al2O3": 7, "SiO2": 21}),  # 14 a unit: 98 or 112
    ],
)
def test_boxes_are_whole_formula_units(
    shares: dict[str, float], atoms: int, units: dict[str, int]
) -> None:
    assert dict(whole_units(shares, atoms=atoms).units) == units


def test_each_oxide_may_keep_its_molar_volume(text: str) -> None:
    """61.979 g of Na2O at 2.27 and 60.084 g of SiO2 at 2.20 g/cm3: 27.3035 + 27.3109 cm3."""
    grid = {"Na2O": [0, 50], "SiO2": "rest"}
    given = nas(grid=grid, density={"Na2O": 2.27, "SiO2": 2.20})
    silica, metasilicate = members(parse_campaign(with_grid(text, given))).values()
    assert silica.density == pytest.approx(2.20)
    assert metasilicate.density == pytest.approx(122.063 / 54.6144, rel=1e-5)


def test_a_grid_can_be_melted(text: str) -> None:
    wish = {"potential": "pmmcs", "quench": {"rate": 100}, "samples": 2}
    given = nas(melt_quench=wish, min_distance={"Na-O": 2.1})
    spec = parse_campaign(with_grid(text, given))
    one = spec.structures["nas-20Na2O-80SiO2"]
    assert isinstance(one, MeltQuenchSource) and one.member_of == "nas"
    assert one.melt_quench.samples == 2 and one.melt_quench.quench.rate == 100
    assert one.melt_quench.distances["Na-O"] == 2.1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grid": {"Na2O": [0, 120], "SiO2": "rest"}}, ".grid.Na2O: mol % is between 0 and 100"),
        ({"grid": {"Na2O": "rest", "SiO2": "rest"}}, ".grid: only one oxide can be the rest"),
        ({"grid": {"Na2O": [10, 20], "SiO2": 50}}, ".grid: no composition adds up to 100 mol %"),
        ({"grid": {"Na2O": [10, 10], "SiO2": "rest"}}, ".grid.Na2O: a value is given twice"),
        ({"grid": {"Na2O": "some", "SiO2": "rest"}}, ".grid.Na2O: give mol % as a number, a list"),
        ({"grid": {"Na2O": {"from": 0, "to": 30}, "SiO2": "rest"}}, ".grid.Na2O: a range is {from"),
        ({"grid": {"Na2O": {"from": 0, "to": 30, "step": 0}, "SiO2": "rest"}},
         ".grid.Na2O: a range goes up: from <= to, and step > 0"),
        ({"grid": {"Na2Q": 10, "SiO2": "rest"}}, "'Na2Q' is not a formula"),
        ({"grid": {"Na2O": {"from": 0, "to": 100, "step": 0.1}, "SiO2": "rest"}},
         ".grid: more than 500 compositions: take larger steps"),
        ({"grid": {"K2O": 10, "SiO2": "rest"}, "melt_quench": {"potential": "pmmcs"},
          "min_distance": {}}, ".grid: K is not among elements"),
        ({"density": [2.2, 2.3]}, ".density: 2 densities for 4 compositions: 100SiO2, 10Na2O-90"),
        ({"density": {"Na2O": 2.3}}, ".density: give one for each of Na2O, SiO2, and for no other"),
        ({"density": "glass"}, ".density: give g/cm3 as a number, a list"),
        ({"density": [2.2, -1, 2, 2]}, ".density: give g/cm3 as a number, a list"),
        ({"atoms": 12}, ".atoms: 10Na2O-90SiO2: no box of 10 to 14 atoms is within 1 mol % of it"),
        ({"min_distance": {"Si-O": 1.4}}, ".min_distance: no smallest distance is given for O-O"),
        ({"min_distance": {**DISTANCES, "K-O": 2}}, ".min_distance: K-O is not a pair of elements"),
        ({"dnesity": 2.0}, ".dnesity: unknown key; did you mean 'density'?"),
        ({"melt_quench": {"potential": "bks"}},
         ".melt_quench: 10Na2O-90SiO2: bks has no parameters for Na"),
        ({"melt_quench": {"potential": "bks", "formula": "SiO2"}},
         ".melt_quench.formula: unknown key"),
        ({"melt_quench": {"potential": "pmmcs"}, "boxes": 3}, ".melt_quench: boxes are for grids"),
    ],
)  # fmt: skip
def test_a_wrong_grid_names_its_key(text: str, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(with_grid(text, nas(**changes)))
    answer = str(caught.value).removeprefix("campaign: ")
    assert expected in answer and "line 8: structures.nas" in answer, answer
    assert len(answer.splitlines()) == 1, answer


def test_a_name_that_is_taken_is_refused(text: str) -> None:
    text = with_grid(text, nas()).replace("  quartz:", "  nas-100SiO2:").replace("[quartz", "[nas")
    with pytest.raises(CampaignFileError, match="nas-100SiO2 is the name of another structure"):
        parse_campaign(text)


def test_a_stage_that_names_no_grid_is_told_what_there_is(text: str) -> None:
    text = with_grid(text, nas()).replace("[quartz, nas]", "[quartz, nsa]")
    with pytest.raises(CampaignFileError, match=r"from\[1\].*'nsa'; did you mean 'nas'"):
        parse_campaign(text)


def test_the_shipped_grid_can_be_packed() -> None:
    folder = resource_folder("configs")
    spec = parse_campaign((Path(folder) / "sodium-silicate.yaml").read_text())
    starts = build_structures(spec, base=Path())
    sodium = {
        name: group[0].atoms.symbols.count("Na") / group[0].atoms.symbols.count("Si")
        for name, group in starts.items()
    }
    # Na/Si of x Na2O-(1-x) SiO2: 2 x / (1 - x)
    assert sodium == pytest.approx(
        {
            "glass-10Na2O-90SiO2": 2 / 9,
            "glass-20Na2O-80SiO2": 1 / 2,
            "glass-30Na2O-70SiO2": 6 / 7,
        }
    )
