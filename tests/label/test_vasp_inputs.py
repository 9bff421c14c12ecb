"""Options of the VASP labeller, its input files beside pymatgen's own, its POTCARs, and presets."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from pydantic import ValidationError
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar, Potcar
from pymatgen.io.vasp.sets import MatPESStaticSet, MPStaticSet

from al_loop.errors import EngineMissing
from al_loop.label.vasp import PRESETS, VaspLabeller, VaspOptions
from al_loop.label.vasp.corrections import changes_of_method
from al_loop.label.vasp.inputs import Inputs, make_inputs
from al_loop.label.vasp.potcar import find_potcars, joined

from .structures import cristobalite
from .vasp_setup import POTCARS, SECRET, write_library


def asked(**values: object) -> VaspOptions:
    return VaspOptions.model_validate({"potcars": POTCARS, **values})


def frame() -> Atoms:
    return cristobalite(cubic=True, seed=2)


def incar(**values: object) -> Incar:
    return Incar.from_str(make_inputs(frame(), asked(**values)).incar)


# -- beside pymatgen's own sets


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("functional", "name"), [("PBE", "PBE"), ("r2SCAN", "R2SCAN")])
def test_a_single_point_is_that_of_the_matpes_set(functional: str, name: str) -> None:
    """Spin and what is written besides aside, and the charge density's cutoff, which it raises."""
    structure = AseAtomsAdaptor.get_structure(frame())
    theirs = MatPESStaticSet(structure, xc_functional=name).incar
    ours = incar(functional=functional, encut=680.0, ediff=1e-5, max_iterations=200)
    shared = set(ours) & set(theirs) - {"LCHARG"}
    assert shared >= {"ALGO", "EDIFF", "ENCUT", "ISMEAR", "LASPH", "LREAL", "PREC", "SIGMA"}
    assert {tag: ours[tag] for tag in shared} == {tag: theirs[tag] for tag in shared}
    key = "GGA" if functional == "PBE" else "METAGGA"
    assert str(ours[key]).upper() == str(theirs[key]).upper()


@pytest.mark.filterwarnings("ignore")
def test_the_mesh_of_a_density_is_that_of_the_static_set() -> None:
    structure = AseAtomsAdaptor.get_structure(frame()).get_sorted_structure()
    theirs = MPStaticSet(structure, reciprocal_density=100).kpoints
    ours = Kpoints.from_str(make_inputs(frame(), asked(kpoints=100)).kpoints)
    assert ours.style.name == "Gamma"
    assert ours.kpts == theirs.kpts


def test_a_single_point_is_asked_for_with_forces_and_stress_and_without_symmetry() -> None:
    tags = incar()
    assert (tags["NSW"], tags["IBRION"], tags["ISIF"], tags["ISYM"]) == (0, -1, 2, 0)
    assert (tags["PREC"], tags["LREAL"], tags["LWAVE"]) == ("Accurate", False, False)


def test_each_functional_has_its_tag() -> None:
    """As in VASP's manual, GGA and METAGGA."""
    assert str(incar(functional="PBEsol")["GGA"]).upper() == "PS"
    assert str(incar(functional="AM05")["GGA"]).upper() == "AM"
    assert str(incar(functional="SCAN")["METAGGA"]).upper() == "SCAN"
    assert "GGA" not in incar(functional="r2SCAN")
    assert incar(dispersion="d3-bj")["IVDW"] == 12
    assert incar(dispersion="d3-zero")["IVDW"] == 11
    assert "IVDW" not in incar()


def test_meshes_are_gamma_or_as_given_and_turn_with_the_cell() -> None:
    def mesh(inputs: Inputs) -> tuple[int, ...]:
        return tuple(Kpoints.from_str(inputs.kpoints).kpts[0])

    atoms = frame()
    assert mesh(make_inputs(atoms, asked())) == (1, 1, 1)
    assert mesh(make_inputs(atoms, asked(kpoints=[6, 5, 3]))) == (6, 5, 3)
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])  # left-handed now
    assert mesh(make_inputs(atoms, asked(kpoints=[6, 5, 3]))) == (6, 3, 5)


def test_poscar_is_the_same_crystal_sorted_and_right_handed() -> None:
    atoms = frame()
    atoms = atoms[np.random.default_rng(1).permutation(len(atoms))]
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    inputs = make_inputs(atoms, asked())
    structure = Poscar.from_str(inputs.poscar).structure
    assert np.linalg.det(structure.lattice.matrix) == pytest.approx(atoms.get_volume())
    assert np.linalg.det(structure.lattice.matrix) > 0
    assert [site.specie.symbol for site in structure] == ["O"] * 16 + ["Si"] * 8
    assert inputs.elements == ("O", "Si")
    assert np.abs(structure.cart_coords - atoms.positions[inputs.order]).max() < 1e-12


# -- options


def test_an_incar_of_the_user_becomes_options_and_tags(tmp_path: Path) -> None:
    file = tmp_path / "INCAR"
    file.write_text(
        "SYSTEM = melt\nENCUT = 520\nMETAGGA = SCAN\nISMEAR = -1; SIGMA = 0.1\nNSW = 500\n"
        "IBRION = 0\nTEBEG = 3000\nNCORE = 8\nADDGRID = .TRUE.\n"
    )
    options = asked(incar=str(file))
    assert (options.encut, options.functional, options.smearing) == (520.0, "SCAN", "fermi")
    assert options.incar == {"NCORE": 8, "ADDGRID": True}
    assert VaspOptions.model_validate(options.model_dump(mode="json")) == options
    assert incar(incar=str(file))["NSW"] == 0
    file.unlink()  # it was read once
    assert Incar.from_str(make_inputs(frame(), options).incar)["NCORE"] == 8


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"incar": {"MAGMOM": "3*0.6"}}, "MAGMOM belongs to one structure"),
        ({"incar": {"KSPACING": 0.3}}, "kpoints"),
        ({"incar": {"GGA": "91"}}, "GGA = 91 is not offered"),
        ({"incar": {"ENCUT": 400}, "encut": 500}, "the option encut says 500"),
        ({"incar": "/no/such/INCAR"}, "cannot be read"),
        ({"functional": "AM05", "dispersion": "d3-bj"}, "VDW_S8"),
        ({"smearing": "tetrahedron"}, "mesh"),
        ({"kpoints": 0}, "positive"),
        ({"potcars": {}}, "potcars"),
        ({"command": " "}, "how the program is started"),
    ],
)
def test_options_that_cannot_be_right_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        asked(**values)


def test_presets_are_what_the_papers_say_and_can_be_overruled() -> None:
    trillot = asked(preset="trillot-2024")
    assert (trillot.functional, trillot.encut, trillot.kpoints) == ("PBEsol", 600.0, "gamma")
    assert asked(preset="balyakin-2020").encut == 500.0
    assert asked(preset="urata-2022").ediff == 1e-5
    assert asked(preset="pedone-2025").dispersion == "d3-bj"
    assert asked(preset="trillot-2024", encut=800).encut == 800.0
    assert asked(preset="trillot-2024", incar={"ENCUT": 700}).encut == 700.0
    for name in PRESETS:
        assert VaspOptions.model_validate(asked(preset=name).model_dump()) == asked(preset=name)


# -- POTCARs and the fingerprint


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(write_library(tmp_path)))
    return tmp_path


def fingerprint(**values: object) -> dict[str, object]:
    return dict(VaspLabeller(asked(**values)).fingerprint())


def test_the_fingerprint_knows_the_method_and_not_the_machine(library: Path) -> None:
    ours = fingerprint()
    for same in (
        {"incar": {"NCORE": 4, "KPAR": 2, "ALGO": "Fast"}},
        {"command": "srun -n 64 vasp_gam", "cores": 64, "max_iterations": 300},
        {"keep": "compressed", "frozen_after": 60},
    ):
        assert fingerprint(**same) == ours, same
    for other in (
        {"functional": "PBEsol"},
        {"encut": 500},
        {"kpoints": 64},
        {"kpoints": [2, 2, 2]},
        {"ediff": 1e-5},
        {"sigma": 0.1},
        {"smearing": "fermi"},
        {"dispersion": "d3-bj"},
        {"incar": {"LREAL": "Auto"}},
        {"incar": {"ADDGRID": True}},
        {"version": "5.4"},
        {"potcars": {**POTCARS, "Na": "Na_pv"}},
    ):
        assert fingerprint(**other) != ours, other


def test_a_potcar_is_known_by_title_and_content_and_never_shown(library: Path) -> None:
    before = fingerprint()
    assert str(before["potcar Si"]).startswith("PAW_PBE Si 01Jan2000 sha256:")
    assert SECRET not in repr(before)
    assert SECRET not in repr(find_potcars(POTCARS, "PBE_54"))
    write_library(library, secret="9.9")
    after = fingerprint()
    assert {key for key in after if after[key] != before[key]} == {"potcar O", "potcar Si"}


def test_potcars_are_joined_in_the_order_of_poscar_as_pymatgen_reads_them(library: Path) -> None:
    (library / "POT_GGA_PAW_PBE_54" / "O" / "POTCAR").rename(library / "O.plain")
    packed = library / "POT_GGA_PAW_PBE_54" / "POTCAR.O.gz"
    packed.write_bytes(gzip.compress((library / "O.plain").read_bytes()))
    found = find_potcars(POTCARS, "PBE_54")
    path = library / "POTCAR"
    path.write_bytes(joined(found, ("O", "Si")))
    with pytest.warns(UserWarning, match="not known to pymatgen"):
        both = Potcar.from_file(path)
    assert [one.element for one in both] == ["O", "Si"]
    assert found["O"].enmax == both[0].enmax == 400.0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"potcars": {"Si": "Si_GW"}}, "no POTCAR 'Si_GW'"),
        ({"potcars": {"Na": "Si"}}, "not one of Na"),
        ({"potcar_functional": "PBE_99"}, "knows no POTCAR library"),
        ({"potcar_functional": "PBE_64"}, "not here"),
        ({"encut": 350, "command": "true"}, "needs 400 eV"),
    ],
)
def test_potcars_that_do_not_fit_stop_the_campaign_before_it_starts(
    values: dict[str, object], words: str, library: Path
) -> None:
    with pytest.raises(EngineMissing, match=words) as caught:
        VaspLabeller(asked(**{"command": "true", **values})).check()
    assert caught.value.remedy


def test_no_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    with pytest.raises(EngineMissing, match="where the POTCARs are"):
        fingerprint()


# -- corrections


def texts(**values: object) -> dict[str, str]:
    inputs = make_inputs(frame(), asked(**values))
    return {"INCAR": inputs.incar, "KPOINTS": inputs.kpoints, "POSCAR": inputs.poscar}


@pytest.mark.parametrize(
    "values",
    [
        {"incar": {"ALGO": "All", "ISEARCH": 1, "BMIX": 0.001, "NCORE": 8}},
        {"ediff": 1e-8},
        {"sigma": 0.06},
        {"max_iterations": 300},
        {"kpoints": [1, 1, 1]},
    ],
)
def test_another_way_to_the_same_solution_is_no_change_of_method(values: dict[str, object]) -> None:
    assert changes_of_method(texts(), texts(**values)) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"encut": 500}, "ENCUT 600.0 -> 500.0"),
        ({"functional": "PBEsol"}, "GGA"),
        ({"functional": "SCAN"}, "METAGGA unset -> Scan"),
        ({"dispersion": "d3-bj"}, "IVDW"),
        ({"smearing": "fermi"}, "ISMEAR 0 -> -1"),
        ({"sigma": 0.2}, "SIGMA 0.05 -> 0.2"),
        ({"ediff": 1e-4}, "EDIFF"),
        ({"incar": {"LREAL": "Auto"}}, "LREAL"),
        ({"kpoints": [2, 1, 1]}, "k-points"),
    ],
)
def test_each_change_of_the_method_is_seen(values: dict[str, object], words: str) -> None:
    assert words in "; ".join(changes_of_method(texts(), texts(**values)))


def test_a_changed_structure_is_seen_and_a_periodic_image_is_none() -> None:
    def of(atoms: Atoms) -> dict[str, str]:
        return {**texts(), "POSCAR": make_inputs(atoms, asked()).poscar}

    moved, strained, imaged = frame(), frame(), frame()
    moved.positions[3, 1] += 0.01
    strained.set_cell(strained.cell.array * 1.001, scale_atoms=True)
    imaged.positions += imaged.cell.array[0]
    assert changes_of_method(of(frame()), of(moved)) == ["atoms moved by 0.01 Å"]
    assert changes_of_method(of(frame()), of(strained)) == ["the cell"]
    assert changes_of_method(of(frame()), of(imaged)) == []
