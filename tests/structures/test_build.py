"""The starting structures of a campaign: all that was asked for, and nothing unusable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from al_loop.campaign import CampaignSpec
from al_loop.distances import closest_contact
from al_loop.errors import StructureError
from al_loop.frame import frame_hash
from al_loop.structures import Start, build_structures, crystal

MakeSpec = Callable[..., CampaignSpec]
MELT = {
    "formula": "SiO2",
    "atoms": 24,
    "density": 2.2,
    "min_distance": {"Si-O": 1.5, "O-O": 2.2, "Si-Si": 2.6},
}


def refusal(spec: CampaignSpec, base: Path) -> StructureError:
    with pytest.raises(StructureError) as caught:
        build_structures(spec, base=base)
    return caught.value


def test_pristine_structures_come_first_then_the_copies_of_each(
    make_spec: MakeSpec, base: Path
) -> None:
    spec = make_spec(
        {
            "quartz": {"crystal": "alpha-quartz", "perturb": {"copies": 2}},
            "melt": {**MELT, "boxes": 2, "perturb": {"copies": 3}},
            "cristobalite": {"crystal": "beta-cristobalite"},
        }
    )
    starts = build_structures(spec, base=base)
    assert list(starts) == ["quartz", "melt", "cristobalite"]
    assert [s.name for s in starts["quartz"]] == ["quartz", "quartz-copy-0", "quartz-copy-1"]
    assert [s.pristine for s in starts["melt"]] == [True] * 2 + [False] * 6
    assert [s.name for s in starts["melt"]][:4] == ["melt-0", "melt-1", "melt-0-copy-0", "melt-0-copy-1"]  # fmt: skip  # noqa: E501
    assert frame_hash(starts["quartz"][0].atoms) == frame_hash(crystal("alpha-quartz"))
    hashes = [frame_hash(s.atoms) for group in starts.values() for s in group]
    assert len(set(hashes)) == len(hashes) == 3 + 8 + 1


def test_the_campaigns_seed_decides_and_other_structures_do_not(
    make_spec: MakeSpec, base: Path
) -> None:
    quartz = {"crystal": "alpha-quartz", "perturb": {"copies": 2}}

    def hashes(starts: list[Start]) -> list[str]:
        return [frame_hash(s.atoms) for s in starts]

    one = build_structures(make_spec({"melt": MELT, "quartz": quartz}), base=base)
    same = build_structures(make_spec({"quartz": quartz, "melt": MELT}), base=base)
    other = build_structures(make_spec({"melt": MELT, "quartz": quartz}, seed=2), base=base)
    for name in ("melt", "quartz"):
        assert hashes(one[name]) == hashes(same[name])
    assert hashes(one["melt"]) != hashes(other["melt"])
    assert hashes(one["quartz"])[0] == hashes(other["quartz"])[0]
    assert not set(hashes(one["quartz"])[1:]) & set(hashes(other["quartz"])[1:])


def test_copies_keep_their_distances(make_spec: MakeSpec, base: Path) -> None:
    spec = make_spec(
        {
            "c": {
                "crystal": "beta-cristobalite",
                "perturb": {"copies": 40, "rattle": 0.07, "strain": 0.0},
            }
        },
        min_distance={"Si-O": 1.34},
    )
    starts = build_structures(spec, base=base)["c"]
    assert len(starts) == 41
    assert all(closest_contact(s.atoms, {"O-Si": 1.34}) is None for s in starts)


def test_copies_that_always_come_too_close_name_their_key(make_spec: MakeSpec, base: Path) -> None:
    quartz = {"crystal": "alpha-quartz", "perturb": {"copies": 1, "scale": [0.5, 0.5]}}
    error = refusal(make_spec({"quartz": quartz}), base)
    assert error.where == "structures.quartz.perturb"
    assert "O-Si atoms" in error.what
    assert "scale" in error.remedy


def test_boxes_keep_the_campaigns_distances_too(make_spec: MakeSpec, base: Path) -> None:
    spec = make_spec({"melt": MELT}, min_distance={"Si-O": 1.6})
    (box,) = build_structures(spec, base=base)["melt"]
    assert closest_contact(box.atoms, {"O-Si": 1.6}) is None


@pytest.mark.parametrize(
    ("structure", "where", "what"),
    [
        ({"crystal": "alfa-quartz"}, "structures.s.crystal", "no crystal is called"),
        ({"crystal": "lithium-oxide"}, "structures.s.crystal", "Li is not among the campaign's"),
        ({**MELT, "atoms": 25}, "structures.s.atoms", "no whole number"),
        ({**MELT, "density": 12.0}, "structures.s.density", "cannot be packed"),
        ({**MELT, "min_distance": {"Si-O": 1.5}}, "structures.s.min_distance", "O-O, Si-Si"),
        ({"file": "none.vasp"}, "structures.s.file: ", "there is no such file"),
    ],
)
def test_what_cannot_be_made_names_its_key(
    make_spec: MakeSpec, base: Path, structure: dict[str, object], where: str, what: str
) -> None:
    error = refusal(make_spec({"s": structure}), base)
    assert error.where.startswith(where)
    assert what in error.what


def test_crystal_closer_than_select_allows_is_refused(make_spec: MakeSpec, base: Path) -> None:
    spec = make_spec({"s": {"crystal": "stishovite"}}, min_distance={"Si-O": 1.8})
    error = refusal(spec, base)
    assert error.where == "structures.s.crystal"
    assert "O-Si atoms 1.76 Å apart" in error.what
    assert "select.min_distance" in error.remedy


@pytest.mark.parametrize("name", ["frames.extxyz", "POSCAR", "glass.cif", "frames.traj"])
def test_files_that_ase_reads_are_starting_structures(
    make_spec: MakeSpec, base: Path, name: str
) -> None:
    write(base / name, crystal("alpha-quartz"))
    (start,) = build_structures(make_spec({"s": {"file": name}}), base=base)["s"]
    assert start.name == "s"
    assert start.pristine
    assert len(start.atoms) == 9
    assert start.atoms.get_volume() == pytest.approx(crystal("alpha-quartz").get_volume(), rel=1e-3)


def test_frames_of_a_file_are_chosen_by_index(make_spec: MakeSpec, base: Path) -> None:
    frames = [crystal("alpha-quartz", supercell=(n, 1, 1)) for n in (1, 2, 3)]
    write(base / "frames@x.extxyz", frames)
    for index, expected in ((":", [9, 18, 27]), ("-1", [27]), ("::2", [9, 27])):
        spec = make_spec({"s": {"file": "frames@x.extxyz", "index": index}})
        starts = build_structures(spec, base=base)["s"]
        assert [len(s.atoms) for s in starts] == expected
    error = refusal(make_spec({"s": {"file": "frames@x.extxyz", "index": "7:"}}), base)
    assert error.what == "no frame at index '7:'"
    assert "frames@x.extxyz" in error.where


def damaged(**change: object) -> Atoms:
    atoms = crystal("alpha-quartz")
    for key, value in change.items():
        setattr(atoms, key, value)
    return atoms


@pytest.mark.parametrize(
    ("atoms", "what"),
    [
        (damaged(positions=np.full((9, 3), np.nan)), "must be finite"),
        (damaged(pbc=(True, True, False)), "not periodic in three directions"),
        (damaged(positions=np.zeros((9, 3))), "atoms 0.00 Å apart"),
        (damaged(symbols="Ge3O6"), "Ge is not among the campaign's elements"),
        (Atoms(cell=[5, 5, 5], pbc=True), "there are no atoms"),
    ],
)
def test_unusable_frames_are_refused_with_file_and_frame(
    make_spec: MakeSpec, base: Path, atoms: Atoms, what: str
) -> None:
    write(base / "bad.traj", [crystal("alpha-quartz"), atoms])
    error = refusal(make_spec({"s": {"file": "bad.traj"}}), base)
    assert what in error.what
    assert error.where == f"structures.s.file: {base / 'bad.traj'} (frame 1)"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("noise.bin", bytes(range(256))),
        ("empty.xyz", b""),
        ("POSCAR", b"title\n1.0\nnot a cell\n"),
        ("cut.extxyz", b'9\nLattice="4 0 0 0 4 0 0 0 4"\nSi 0 0 0\n'),
        ("vasprun.xml", b"<modeling><calculation>"),
        ("cut.cif", b"data_x\n_cell_length_a 4\nloop_\n_atom_site_label\n"),
        ("cut.traj", b"- of UlmASE-Trajectory"),
        ("mol.xyz", b"1\n\nSi 0 0 0\n"),
    ],
)
def test_files_that_are_not_structures_are_named(
    make_spec: MakeSpec, base: Path, name: str, content: bytes
) -> None:
    (base / name).write_bytes(content)
    error = refusal(make_spec({"s": {"file": name}}), base)
    assert error.where == f"structures.s.file: {base / name}"
