"""`al-loop glass`: from a LAMMPS dump to a page of verdicts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from dftd3.ase import DFTD3
from PIL import Image

from al_loop.cli.glass_calculator import calculator_of
from al_loop.crystals import crystal
from al_loop.d3 import D3, calculator_arguments
from al_loop.glass import Measurement, Trajectory
from al_loop.glass.compare.overlay import draw_overlay
from tests.cli.conftest import Command
from tests.glass.networks import rattled


def write_dump(path: Path, run: Trajectory) -> None:
    """As LAMMPS' `dump custom id type x y z`, Si of type 1, every 100 steps."""
    lines = []
    for k, atoms in enumerate(run.frames):
        length = atoms.cell.lengths()
        lines += ["ITEM: TIMESTEP", str(100 * k), "ITEM: NUMBER OF ATOMS", str(len(atoms))]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *(f"0.0 {one:.10f}" for one in length)]
        lines.append("ITEM: ATOMS id type x y z")
        for i, (symbol, place) in enumerate(
            zip(atoms.get_chemical_symbols(), atoms.positions, strict=True), 1
        ):
            kind = 1 if symbol == "Si" else 2
            lines.append(f"{i} {kind} " + " ".join(f"{x:.8f}" for x in place))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three samples of beta-cristobalite, shaken."""
    folder = tmp_path_factory.mktemp("dumps")
    paths = []
    for seed in (1, 2, 3):
        run = rattled("beta-cristobalite", size=2, amplitude=0.06, frames=2, seed=seed)
        paths.append(folder / f"sample-{seed}.lammpstrj")
        write_dump(paths[-1], run)
    return paths


def test_from_dumps_to_a_page(al_loop: Command, tmp_path: Path, dumps: list[Path]) -> None:
    ran = al_loop(
        "glass", "measure", *dumps, "--elements", "Si, O", "--timestep", "1.0",
        "--only", "structure", "-o", "glass.json", "--tables", "tables",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "2.1745" in ran.out  # g/cm3: eight formula units in a cube of 7.16 Å
    found = Measurement.read(tmp_path / "glass.json")
    assert found.values["density"].n == 3
    assert found.conditions.atoms == (192, 192, 192)
    compared = al_loop(
        "glass", "compare", "glass.json", "--reference", "tables/s_neutron.csv", "--json",
        "--gate", "density: 2 %", "--gate", "si4: >= 98 %",
        "--gate", "angle_Si-O-Si_mean: 2 degree",
    )  # fmt: skip
    document = json.loads(compared.out)
    verdicts = {(one["name"], one["reference"]["method"]): one for one in document["verdicts"]}
    itself = verdicts["s_neutron", "measurement"]
    assert itself["alike"]["r_chi"] == pytest.approx(0.0, abs=1e-6)
    assert itself["alike"]["overlap"] == pytest.approx(1.0)
    # The crystal is lighter than the glass by 1.2 % (allowed: 0.5 %), and its Si-O-Si are straight.
    assert verdicts["density", "experiment"]["state"] == "outside"
    assert verdicts["density", "experiment"]["deviation"] == pytest.approx(2.1745 - 2.2, abs=1e-4)
    assert verdicts["angle_Si-O-Si_mean", "experiment"]["state"] == "outside"
    # None of 192 silicon is another: up to 3/192 may be, and 1 % are allowed.
    assert verdicts["si4", "experiment"]["state"] == "undecided"
    states = {one["name"]: one["state"] for one in document["gates"]}
    assert states == {"density": "passed", "si4": "passed", "angle_Si-O-Si_mean": "failed"}
    assert compared.code == 1
    shown = al_loop("glass", "compare", "glass.json")
    assert shown.code == 0
    assert "too low" in shown.out
    rows = {line.split()[0]: line for line in reversed(shown.out.splitlines()) if line}
    number = re.search(r"\[\d+\]", rows["density"])
    assert number is not None
    assert "Bansal and Doremus" in rows[number.group()]
    assert max(map(len, rows.values())) <= 130
    assert al_loop("glass", "report", "glass.json", "-o", "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 10  # nine curves, and Qn
    assert "Bansal and Doremus" in page
    assert not re.search(r'(src|href)="(?!#)', page)  # nothing is loaded from anywhere


def test_one_sample_is_compared_with_a_caution_and_passes_no_gate(
    al_loop: Command, tmp_path: Path, dumps: list[Path]
) -> None:
    one = ("--elements", "Si O", "--only", "structure", "-o", "one.json")
    assert al_loop("glass", "measure", dumps[0], *one).code == 0
    compare = ("glass", "compare", "one.json", "--gate", "si4: >= 98 %")
    shown = al_loop(*compare)
    assert shown.code == 1
    words = " ".join(shown.out.split())
    assert "one glass does not tell the scatter between glasses: error bars" in words
    assert "gate: si4 undecided: 100 %, asked for >= 98 %; one glass does not" in words
    document = json.loads(al_loop(*compare, "--json").out)
    assert document["gates"][0]["state"] == "undecided"
    assert document["caution"].startswith("one glass does not tell")
    states = {one["name"]: one["state"] for one in document["verdicts"]}
    assert states["si4"] == "inside"  # a reference is near it or not; the caution says the rest


def test_a_phase_chooses_other_references(
    al_loop: Command, tmp_path: Path, dumps: list[Path]
) -> None:
    ran = al_loop(
        "glass", "measure", dumps[0], "--elements", "Si O", "--only", "structure",
        "--phase", "alpha-cristobalite", "-o", "crystal.json",
    )  # fmt: skip
    assert ran.code == 0
    shown = al_loop("glass", "compare", "crystal.json")
    assert "Downs and Palmer" in shown.out
    document = json.loads((tmp_path / "crystal.json").read_text())
    document["conditions"]["phase"] = "galss"
    (tmp_path / "typo.json").write_text(json.dumps(document))
    lost = " ".join(al_loop("glass", "compare", "typo.json").out.split())
    assert "there is SiO2 as alpha-cristobalite, alpha-quartz, coesite, glass, melt" in lost
    assert "Bansal" not in shown.out


def test_moduli_by_a_calculator(al_loop: Command, tmp_path: Path) -> None:
    run = rattled("beta-cristobalite", size=1, amplitude=0.0)
    write_dump(tmp_path / "crystal.lammpstrj", run)
    ran = al_loop(
        "glass", "measure", "crystal.lammpstrj", "--elements", "Si O", "--only", "vibrations",
        "--calculator", "bks", "-o", "crystal.json", "--modes-up-to", "23",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "24 atoms are more than" in ran.out
    ran = al_loop(
        "glass", "measure", "crystal.lammpstrj", "--elements", "Si O", "--only", "vibrations",
        "--calculator", "bks", "-o", "crystal.json", "--modes-up-to", "24",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = Measurement.read(tmp_path / "crystal.json")
    assert found.values["imaginary_modes"].n == 1
    total = found.curves["vdos"]
    parts = found.curves["vdos_Si"].y + found.curves["vdos_O"].y
    assert parts == pytest.approx(total.y, abs=1e-6)


def test_polymorphs_by_name_and_file_share_a_figure(al_loop: Command, tmp_path: Path) -> None:
    how = ["--only", "mechanics", "--calculator", "bks", "--equation-of-state"]
    write(tmp_path / "mine.cif", crystal("stishovite"))
    ran = al_loop("glass", "measure", "alpha-quartz", *how, "-o", "quartz.json")
    assert ran.code == 0, ran.err
    assert "eos_bulk_modulus" in ran.out
    ran = al_loop(
        "glass", "measure", "mine.cif", *how, "--phase", "stishovite", "-o", "stishovite.json",
        "--volumes", "0.97", "1.03",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    quartz, stishovite = (
        Measurement.read(tmp_path / f"{name}.json") for name in ("quartz", "stishovite")
    )
    assert quartz.conditions.phase == "alpha-quartz"
    # docs/glass.md: made as a protocol in LAMMPS
    assert quartz.values["lattice_at_rest_a"].value == pytest.approx(5.050, abs=1e-3)
    assert quartz.values["lattice_at_rest_c"].value == pytest.approx(5.543, abs=1e-3)
    assert np.ptp(stishovite.curves["energy_volume"].x) == pytest.approx(
        0.06 * stishovite.values["eos_volume"].value, rel=5e-3
    )
    compared = al_loop("glass", "compare", "quartz.json")
    assert "lattice_at_rest_a" in compared.out
    drawn = al_loop("glass", "overlay", "quartz.json", "stishovite.json", "-o", "both.png")
    assert drawn.code == 0, drawn.err
    with Image.open(tmp_path / "both.png") as picture:
        assert picture.size == (1380, 900)
    again = {"quartz.json": quartz, "stishovite.json": stishovite}
    axes = draw_overlay("energy_volume", again).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert [one.get_text() for one in legend.get_texts()] == ["alpha-quartz", "stishovite"]
    fitted, points = (np.asarray(one.get_ydata()) for one in axes.lines[:2])
    assert fitted[0] == pytest.approx(points[0], abs=2e-3)
    wrong = al_loop("glass", "overlay", "quartz.json", "-o", "both.docx")
    assert (wrong.code, "one of .pdf" in wrong.err) == (2, True)
    wrong = al_loop("glass", "overlay", "quartz.json", "-o", "a.png", "--curve", "s_neutron")
    assert (wrong.code, "its curves: energy_volume" in wrong.err) == (2, True)


def test_d3_is_added_to_a_calculator() -> None:
    """By s-dftd3's own calculator."""
    atoms = rattled("beta-cristobalite", size=1, amplitude=0.05).frames[0].copy()
    energy = {}
    for d3 in (None, "pbe"):
        atoms.calc = calculator_of("bks", [], d3=d3)
        energy[d3] = atoms.get_potential_energy()
    d3_of_campaigns = D3(functional="pbe", damping="bj", cutoff=15.0, cn_cutoff=10.0)
    atoms.calc = DFTD3(**calculator_arguments(d3_of_campaigns))
    added = energy["pbe"] - energy[None]
    assert added == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    assert added < -0.1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.xyz"], "no such file"),
        (["SAMPLE"], "elements"),
        (["SAMPLE", "--elements", "Si O", "--only", "colour"], "--only"),
        (["alpha-quartz", "--only", "structure", "--equation-of-state"], "--equation-of-state"),
        (["alpha-quartz", "--volumes", "1.02", "1.06"], "--volumes"),
        (["SAMPLE", "--elements", "Si O", "--cutoff", "Si-O"], "NAME=NUMBER"),
        (["SAMPLE", "--elements", "Si O", "--cutoff", "Si-Xy=2"], "--cutoff: 'Si-Xy' is no pair"),
        (["SAMPLE", "--elements", "Si O", "--cutoff", "SiO=2"], "--cutoff: 'SiO' is no pair"),
        (["SAMPLE", "--elements", "Si O", "--cutoff", "Si-O=0"], "--cutoff: Si-O: Input"),
        (["SAMPLE", "--elements", "Si O", "--charge", "Sodium=1"], "--charge: there is no element"),
        (["SAMPLE", "--elements", "Si O", "--rings-every", "0"], "--rings-every: Input"),
        (["SAMPLE", "--elements", "Si O", "--only", "rings", "--only", "ring"], "--only: Input"),
        (["SAMPLE", "--calculator", "bks", "--argument", "x=1"], "bks takes no arguments"),
        (["none.xyz", "-o", "nowhere/a.json"], "there is no folder"),  # before it measures
        (["none.xyz", "-o", "."], "--output: . is a folder"),
        (["none.xyz", "-o", "SAMPLE/a.json"], "is no folder"),
        (["none.xyz", "--tables", "SAMPLE"], "is no folder"),
        (["SAMPLE", "--elements", "Si O", "--calculator", "nobody:Nothing"], "--calculator"),
        (["SAMPLE", "--elements", "Si O", "--d3", "pbe"], "give --calculator"),
        (["SAMPLE", "--elements", "Si O", "--calculator", "bks", "--d3", "blyp"], "r2scan"),
    ],
)
def test_what_is_wrong_is_said(
    al_loop: Command, dumps: list[Path], arguments: list[str], says: str
) -> None:
    ran = al_loop("glass", "measure", *[a.replace("SAMPLE", str(dumps[0])) for a in arguments])
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_elements_in_the_wrong_order_are_told_of(al_loop: Command, dumps: list[Path]) -> None:
    for elements, wrong in (("O Si", True), ("Si O", False)):
        ran = al_loop("glass", "measure", dumps[0], "--elements", elements, "--only", "structure")
        assert ran.code == 0
        assert ("is --elements in the order of the atom types" in ran.out) == wrong


def test_names_are_listed(al_loop: Command) -> None:
    ran = al_loop("glass", "names")
    assert "fsdp_position" in ran.out
    assert "rings_<criterion>_<n>" in ran.out
