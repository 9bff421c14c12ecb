"""A wrong campaign file is answered with the line, the key, and what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign, parse_campaign
from al_loop.campaign.structures import (
    CrystalSource,
    MeltQuenchSource,
    PackedSource,
    RmcSource,
)
from al_loop.errors import CampaignFileError, EngineMissing


def complaint(text: str) -> str:
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(text, where="campaign.yaml")
    return str(caught.value)


def with_change(text: str, old: str, new: str) -> tuple[str, int]:
    """The text with one change, and the line of the change."""
    assert text.count(old) == 1
    return text.replace(old, new), text[: text.index(old)].count("\n") + 1


def test_a_valid_file_becomes_typed_options(campaign_file: Path) -> None:
    spec = load_campaign(campaign_file)
    assert spec.elements == ("Si", "O")
    assert spec.train.options.model_dump() == {"steps": 10, "learning_rate": 0.001}
    assert spec.label.options.model_dump() == {"steps": 100, "learning_rate": 0.001}
    assert spec.explore.stages[0].structures == ("quartz", "melt")
    melt = spec.structures["melt"]
    assert isinstance(melt, PackedSource)
    assert melt.min_distance == {"O-Si": 1.5, "O-O": 2.2, "Si-Si": 2.6}


def test_what_was_dumped_is_read_back_the_same(text: str) -> None:
    spec = parse_campaign(text)
    assert CampaignSpec.model_validate(dump_campaign(spec)) == spec


@pytest.mark.parametrize(
    ("old", "new", "key", "hint"),
    [
        ("density: 2.2", "densty: 2.2", "structures.melt.densty", "did you mean 'density'"),
        ("supercell: [2, 1, 1]", "supercel: [2, 1, 1]", "structures.quartz.supercel", "cell"),
        ("    perturb: {copies: 3, rattle: 0.1}", "    perturb: {copies: 3, ratle: 0.1}",
         "structures.quartz.perturb.ratle", "did you mean 'rattle'"),
        ("members: 3", "membres: 3", "train.membres", "did you mean 'members'"),
        ("    steps: 10\n", "    stesp: 10\n", "train.options.stesp", "did you mean 'steps'"),
        ("- from: [quartz, melt]", "- form: [quartz, melt]", "explore.stages[0].form", "'from'"),
        ("select:", "selct:", "selct", "did you mean 'select'"),
        ("batch: 10", "batch: 10\n  zzz: 1", "select.zzz", "known here: trust, bearable_error"),
    ],
)  # fmt: skip
def test_unknown_key_names_its_line_and_what_was_meant(
    text: str, old: str, new: str, key: str, hint: str
) -> None:
    changed, line = with_change(text, old, new)
    line += new.rstrip().count("\n")
    assert any(
        one.startswith(f"line {line}: {key}: unknown key") and hint in one
        for one in complaint(changed).removeprefix("campaign.yaml: ").splitlines()
    ), complaint(changed)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("members: 3", "members: three", "train.members: Input should be a valid integer"),
        ("members: 3", "members: 1", "greater than or equal to 2 (it is 1)"),
        ("density: 2.2", "density: -2.2", "melt.density: Input should be greater"),
        ("density: 2.2", "density: .inf", "melt.density: Input should be a finite"),
        ("steps: 10\n", "steps: 0\n", "train.options.steps: Input should be greater"),
        ("[300, 2000]", "[300, hot]", "explore.stages[0].temperatures[1]: Input should be a valid"),
        ("[2, 1, 1]", "[2, 0, 1]", "structures.quartz.supercell: repetitions must be at least 1"),
        ("{lower: 0.1, upper: 0.3}", "{lower: 0.3, upper: 0.1}", "select.trust: lower (0.3) must"),
        ("{lower: 0.1, upper: 0.3}", "{lower: 0.3, upper: 0.3}", "no frame could be a candidate"),
        ("{lower: 0.1, upper: 0.3}", "{lower: 0.1}", "select.trust.upper: this key is needed"),
        ("[Si, O]", "[Si, Ox]", "elements[1]: 'Ox' is not a chemical element"),
        ("[Si, O]", "[Si, O, O]", "elements[2]: O is listed twice"),
        ("formula: SiO2", "formula: Si(O2", "structures.melt.formula: 'Si(O2' is not a formula"),
        ("formula: SiO2", "formula: GeO2", "structures.melt.formula: Ge is not among elements"),
        ("Si-Si: 2.6", "Si-Si: 26", "melt.min_distance: Si-Si: 26.0 Å is not a distance"),
        ("Si-Si: 2.6", "O-Si: 2.6", "structures.melt.min_distance: O-Si is given twice"),
        ("Si-Si: 2.6", "SiSi: 2.6", "'SiSi' is not a pair of elements such as Si-O"),
        ("Si-Si: 2.6", "Na-Na: 2.6", "melt.min_distance: Na-Na is not a pair of elements"),
        ("batch: 10", "batch: 10\n  density: [3, 2]", "select.density: [3.0, 2.0] must be ordered"),
        ("engine: test-labeller", "engine: test-labeler",
         "label.engine: no label engine is called 'test-labeler'; did you mean 'test-labeller'?"),
        ("from: [quartz, melt]", "from: [quartz, molt]",
         "explore.stages[0].from[1]: no structure is called 'molt'; did you mean 'melt'?"),
        ("crystal: alpha-quartz", "crystal: alpha-quartz\n    formula: SiO2",
         "structures.quartz: exactly one of crystal, formula, melt_quench, rmc, file, grid must"),
        ("    formula: SiO2\n", "",
         "structures.melt: exactly one of crystal, formula, melt_quench, rmc, file, grid must"),
    ],
)  # fmt: skip
def test_wrong_value_names_its_key_and_line(text: str, old: str, new: str, expected: str) -> None:
    changed, line = with_change(text, old, new)
    answer = complaint(changed)
    assert expected in answer
    wrong = next(one for one in answer.splitlines() if expected in one)
    number = int(wrong.removeprefix("campaign.yaml: ").removeprefix("line ").split(":")[0])
    # The line is that of the deepest key that stands in the file.
    assert number in (line, line - 1, line + new.count("\n"))


QUENCH = "  melt:\n    melt_quench: {formula: SiO2, atoms: 24, density: 2.2, potential: bks}\n"


def with_a_quench(text: str) -> str:
    """The campaign with a melt-quench in the place of its boxes."""
    begin, end = text.index("  melt:"), text.index("train:")
    return text[:begin] + QUENCH + text[end:]


def test_a_melt_quench_is_a_source_of_structures(text: str) -> None:
    melt = parse_campaign(with_a_quench(text)).structures["melt"]
    assert isinstance(melt, MeltQuenchSource)
    assert melt.melt_quench.quench.rate == 20
    radii = {"O": 0.66, "Si": 1.11}  # covalent, Å: Cordero et al. (2008)
    distances = melt.melt_quench.distances
    assert distances == pytest.approx({"O-Si": 0.85 * sum(radii.values()), "O-O": 2, "Si-Si": 2})


CURVES = "# made up\nr,Si-O,neutron\n1.0,0.0,0.1\n1.6,9.0,2.5  # the bond\n2.2,0.1,0.2\n"
RMC = "    rmc: {formula: SiO2, atoms: 24, density: 2.2, target: g.csv}\n"


def with_rmc(text: str) -> str:
    begin, end = text.index("  melt:"), text.index("train:")
    return text[:begin] + "  melt:\n" + RMC + text[end:]


def test_curves_are_read_once_beside_the_campaign_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text(CURVES)
    (tmp_path / "c.yaml").write_text(with_rmc(text))
    spec = load_campaign(tmp_path / "c.yaml")
    melt = spec.structures["melt"]
    assert isinstance(melt, RmcSource)
    assert melt.rmc.target.r == (1.0, 1.6, 2.2)
    assert melt.rmc.target.g == {"Si-O": (0.0, 9.0, 0.1), "neutron": (0.1, 2.5, 0.2)}
    (tmp_path / "g.csv").unlink()
    assert CampaignSpec.model_validate(dump_campaign(spec)) == spec


@pytest.mark.parametrize(
    ("curves", "change", "expected"),
    [
        (None, "", "g.csv cannot be read"),
        ("1.0,0.0\n2.0,1.0\n", "", "the first line must name the columns, such as r,neutron"),
        ("r,Si-O\n1.0,x\n", "", "g.csv, line 2: '1.0,x' are no numbers"),
        ("r,Si-O\n1.0,2,3\n", "", "line 2: 3 values for 2 columns"),
        ("r,Si-O\n2.0,2\n1.0,3\n", "", ".target: r must rise"),
        ("r,Si-O\n", "", "there are no numbers"),
        ("r,silica\n1.0,2\n2.0,3\n", "", "'silica' is no pair such as Si-O"),
        ("r,Na-O\n1.0,2\n2.0,3\n", "", "the curve of Na-O is of no pair of SiO2"),
        (CURVES, ", cycles: 2, frames: 3", ".frames: 3 frames cannot be kept of 2 cycles"),
        (CURVES, ", minimise: {potential: bsk}", "no pair potential is called 'bsk'"),
    ],
)
def test_a_wrong_curve_is_told_of(
    text: str, tmp_path: Path, curves: str | None, change: str, expected: str
) -> None:
    if curves is not None:
        (tmp_path / "g.csv").write_text(curves)
    asked = with_rmc(text).replace("target: g.csv", f"target: g.csv{change}")
    with pytest.raises(CampaignFileError) as caught:
        parse_campaign(asked, base=tmp_path)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("potential: bks", "potential: bsk", ".potential: no pair potential is called 'bsk'"),
        ("atoms: 24", "atmos: 24", ".atmos: unknown key; did you mean 'atoms'?"),
        ("SiO2", "Na2O", ": bks has no parameters for Na, only for O, Si; take pmmcs or du-teter"),
        ("potential: bks", "potential: pmmcs, melt: {temperature: 200}",
         ": quench.to must be below melt.temperature"),
        ("SiO2, atoms: 24, density: 2.2, potential: bks",
         "Na2O, atoms: 24, density: 2.2, potential: pmmcs", ".formula: Na is not among elements"),
        ("potential: bks", "potential: bks, min_distance: {Na-O: 2}",
         ".min_distance: Na-O is not a pair of elements"),
        ("density: 2.2, ", "", ".density: this key is needed"),
    ],
)  # fmt: skip
def test_a_wrong_melt_quench_names_its_key(text: str, old: str, new: str, expected: str) -> None:
    changed, _ = with_change(with_a_quench(text), old, new)
    assert f"line 9: structures.melt.melt_quench{expected}" in complaint(changed)


def test_all_wrong_keys_are_reported_at_once(text: str) -> None:
    text = text.replace("members: 3", "membres: 3").replace("batch: 10", "batch: many")
    answer = complaint(text)
    assert "train.membres" in answer
    assert "select.batch" in answer


def test_a_structure_may_be_called_like_a_kind_of_source(text: str) -> None:
    text = text.replace("  melt:", "  file:").replace("quartz, melt", "quartz, file")
    assert parse_campaign(text)
    assert "structures.file.densty: unknown key" in complaint(text.replace("density", "densty"))


@pytest.mark.parametrize("name", ["bad name", "../escape", ""])
def test_names_fit_for_files(text: str, name: str) -> None:
    assert "name: String should" in complaint(text.replace("name: silica", f"name: '{name}'"))


def test_engine_that_cannot_be_imported_is_missing_not_misspelt(text: str) -> None:
    for name in ("broken", "unimportable"):
        with pytest.raises(EngineMissing, match=f"'{name}' cannot be imported") as caught:
            parse_campaign(text.replace("test-explorer", name), where="campaign.yaml")
        assert caught.value.where == "campaign.yaml"
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2\nb: 3\n", "not valid YAML"),
        ("name: x\nname: y\n", "not valid YAML: found duplicate key"),
        ("name: a\n---\nname: b\n", "not valid YAML"),
        ("name: \x07\n", "not valid YAML"),
        ("a: !!python/object:os.system {}\n", "not valid YAML"),
        ("- a\n- b\n", "a campaign is a mapping of keys to values"),
        ("", "a campaign is a mapping of keys to values"),
        ("just text", "a campaign is a mapping of keys to values"),
    ],
)
def test_other_texts_are_refused(text: str, expected: str) -> None:
    assert expected in complaint(text)


def test_yaml_errors_have_a_line() -> None:
    assert complaint("name: x\nb: [1, 2\nc: 3\n").startswith("campaign.yaml, line 3: ")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(CampaignFileError, match=r"none\.yaml: cannot be read: No such file"):
        load_campaign(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(CampaignFileError, match=r"binary\.yaml: is not a text in UTF-8"):
        load_campaign(tmp_path / "binary.yaml")


def test_anchors_and_merge_keys_work(text: str) -> None:
    text = text.replace("quartz:\n", "quartz: &q\n").replace(
        "  melt:\n", "  copy:\n    <<: *q\n    supercell: [1, 1, 1]\n  melt:\n"
    )
    copy = parse_campaign(text).structures["copy"]
    assert isinstance(copy, CrystalSource)
    assert copy.supercell == (1, 1, 1)
    assert copy.perturb.copies == 3
