"""Dispersion that would count twice, or that belongs to another functional, is refused."""

from __future__ import annotations

import pytest

from al_loop.campaign import parse_campaign
from al_loop.errors import CampaignFileError
from tests.campaigns import CHEAP

TEXT = CHEAP.format(name="cheap")
VASP = "{potcars: {Si: Si, O: O}"


def refused(dispersion: str, label: str | None = None, **changes: str) -> str:
    text = TEXT if label is None else TEXT.replace("engine: pair", label)
    for old, new in changes.items():
        text = text.replace(old, new)
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(f"{text}dispersion: {dispersion}\n")
    return caught.value.what


def test_without_the_section_labels_are_as_the_labeller_computes_them() -> None:
    assert parse_campaign(TEXT).dispersion is None


def test_defaults_are_those_of_pbe() -> None:
    found = parse_campaign(f"{TEXT}dispersion: {{where: labels}}\n").dispersion
    assert found is not None
    assert found.d3.model_dump() == {
        "functional": "pbe",
        "damping": "bj",
        "cutoff": 15.0,
        "cn_cutoff": 10.0,
    }


def test_a_place_must_be_chosen() -> None:
    assert "dispersion.where: this key is needed" in refused("{functional: pbe}")


@pytest.mark.parametrize(
    ("label", "own"),
    [
        ("engine: xtb", "D3 is a part of GFN1-xTB"),
        ("engine: xtb\n  options: {method: GFN2-xTB}", "D4 is a part of GFN2-xTB"),
        (f"engine: vasp\n  options: {VASP}, dispersion: d3-bj}}", "d3-bj"),
        ("engine: cp2k\n  options: {dispersion: d3-bj}", "d3-bj"),
        (f"engine: vasp\n  options: {VASP}, incar: {{IVDW: 11}}}}", "d3-zero"),
        (
            f"engine: vasp\n  options: {VASP}, functional: SCAN, incar: {{LUSE_VDW: true}}}}",
            "LUSE_VDW",
        ),
    ],
)
@pytest.mark.parametrize("where", ["labels", "md"])
def test_dispersion_is_never_counted_twice(label: str, own: str, where: str) -> None:
    said = refused(f"{{where: {where}}}", label)
    assert "dispersion: labels by" in said
    assert f"hold dispersion already ({own})" in said


def test_the_functional_is_that_of_the_labels() -> None:
    label = f"engine: vasp\n  options: {VASP}, functional: PBEsol}}"
    said = refused("{where: labels}", label)
    assert "dispersion.functional: the labels are by PBEsol" in said
    text = TEXT.replace("engine: pair", label)
    spec = parse_campaign(f"{text}dispersion: {{where: labels, functional: pbesol}}\n")
    assert spec.dispersion is not None


def test_d3_must_know_the_functional_the_elements_and_the_damping() -> None:
    am05 = f"engine: vasp\n  options: {VASP}, functional: AM05}}"
    assert "the labels are by AM05" in refused("{where: labels}", am05)
    assert "elements[2]: D3 has no parameters for Am" in refused(
        "{where: labels}", **{"elements: [Si, O]": "elements: [Si, O, Am]"}
    )
    assert "no zero damping for r2scan" in refused(
        "{where: labels, functional: r2scan, damping: zero}"
    )
    assert "must not be above cutoff" in refused("{where: labels, cutoff: 8}")


def test_an_explorer_that_cannot_add_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from al_loop.explore.ase_md import AseExplorer

    monkeypatch.setattr(AseExplorer, "dispersion_functionals", frozenset(), raising=False)
    said = refused("{where: md}")
    assert "dispersion.where: the explorer ase cannot add dispersion" in said


def test_lammps_has_no_d3_of_scan() -> None:
    label = f"engine: vasp\n  options: {VASP}, functional: SCAN}}"
    said = refused("{where: md, functional: scan}", label, **{"engine: ase": "engine: lammps"})
    assert "dispersion.functional: the explorer lammps knows only D3 of" in said
