"""`al-loop glass make`: what cannot be made is refused before anything is run."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from al_loop.glass.make import made_in
from al_loop.jobfolder import JobFolder
from tests.cli.conftest import Command

BORATE = """\
name: borate
start: {kind: pack, formula: FORMULA, atoms: 10, density: 2.2}
samples: 1
steps:
  - {do: hold, name: melt, temperature: 4000, ps: 0.01, under: UNDER}
  - {do: quench, to: 300, rate: 100}
"""


def protocol(folder: Path, formula: str, under: str) -> Path:
    """A protocol whose box is made under one potential and quenched under another."""
    path = folder / "borate.yaml"
    path.write_text(BORATE.replace("FORMULA", formula).replace("UNDER", under))
    return path


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("formula", "under", "potential", "says"),
    [
        ("Na2SiO3", "pmmcs", "bks", "bks has no parameters for Na"),
        ("B2O3", "du-teter", "pmmcs", "pmmcs has no parameters for B"),
        ("B2O3", "bks", "du-teter", "bks has no parameters for B"),
        ("Na2SiO3", "pmmcs", "tersoff", "not for Na"),
    ],
)
def test_elements_that_a_potential_does_not_know_are_refused_before_the_melt(
    al_loop: Command,
    tmp_path: Path,
    formula: str,
    under: str,
    potential: str,
    says: str,
    more: tuple[str, ...],
) -> None:
    file = protocol(tmp_path, formula, under)
    ran = al_loop("glass", "make", file, "-p", potential, "-o", "made", *more)
    assert ran.code == 2
    assert says in ran.err
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--command", "no-such-lmp"), "--command: there is no program"),
        (("-o", "borate.yaml"), "cannot be made"),
        (("--dry-run", "--d3", "pbee"), "no D3 parameters"),
    ],
)
def test_what_is_wrong_is_said(
    al_loop: Command, tmp_path: Path, more: tuple[str, ...], says: str
) -> None:
    ran = al_loop("glass", "make", protocol(tmp_path, "SiO2", "bks"), "-p", "bks", *more)
    assert ran.code == 2
    assert says in ran.err
    assert not (tmp_path / "glass").exists()


def test_a_plan_tells_the_size_of_what_is_asked(al_loop: Command) -> None:
    ran = al_loop("glass", "make", "sodium-silicates", "-p", "pmmcs", "--dry-run")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    ps = sum(float(line.split()[2]) for line in lines[2:8])
    assert f"1500 atoms of SiO2, 2.2 g/cm3, {ps:g} ps in {1000 * ps:,.0f} MD steps" in lines[1]
    assert lines[2].split(maxsplit=2)[2] == "100 ps, 3500 K, under pmmcs"
    assert lines[7].split(maxsplit=2)[2] == "100 ps, 300 K, 0 GPa"


def test_a_run_is_chosen_by_its_whole_name_or_its_number(al_loop: Command, tmp_path: Path) -> None:
    """The first sample is not the eleventh, too, nor 1 K/ps 0.1 K/ps."""

    def planned(*more: object) -> list[tuple[str, str]]:
        ran = al_loop("glass", "make", file, "-p", "bks", "--dry-run", *more)
        assert ran.code == 0, ran.err
        words = [line.split() for line in ran.out.splitlines() if line.startswith("run ")]
        return [(one[1], one[2]) for one in words]

    file = protocol(tmp_path, "SiO2", "bks")
    twelve = ("--samples", 12)
    assert planned(*twelve, "--only", "sample-1") == [("2", "sample-1")]
    assert planned(*twelve, "--only", "sample-1?") == [("11", "sample-10"), ("12", "sample-11")]
    assert planned(*twelve, "--run", 11) == [("11", "sample-10")]
    file.write_text(file.read_text() + "vary: {rates: [0.1, 1]}\n")
    assert planned() == [("1", "0.1-K-per-ps/sample-0"), ("2", "1-K-per-ps/sample-0")]
    assert planned("--only", "1-K-per-ps") == [("2", "1-K-per-ps/sample-0")]
    assert planned("--only", "1-K-per-ps/sample-0") == [("2", "1-K-per-ps/sample-0")]
    assert planned("--only", "sample-0", "--run", 2) == [("2", "1-K-per-ps/sample-0")]
    for more, says in (
        (("--only", "sample"), "--only: no run"),
        (("--run", 3), "--run: there is no run 3 of 2"),
        (("--only", "0.1-K-per-ps", "--run", 2), "no run 2 of 2 in --only"),
    ):
        ran = al_loop("glass", "make", file, "-p", "bks", "--dry-run", *more)
        assert ran.code == 2 and says in ran.err and "0.1-K-per-ps/sample-0 to" in ran.err


@pytest.mark.engine
def test_tasks_of_an_array_share_a_folder(tmp_path: Path) -> None:
    """Two processes at once, each its own run; what is there at last is what one alone makes."""
    file = protocol(tmp_path, "SiO2", "bks")
    text = file.read_text().replace("rate: 100", "rate: 100000")
    file.write_text(text.replace("samples: 1", "samples: 2"))
    call = [Path(sys.executable).with_name("al-loop"), "glass", "make", file, "-p", "bks"]
    tasks = [
        subprocess.Popen([*call, "-o", tmp_path / "array", "--run", n], stdout=subprocess.PIPE)
        for n in "12"
    ]
    told = [task.communicate(timeout=300)[0].decode() for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0]
    assert "2/2 sample-1" in told[1] and "sample-0" not in told[1]
    subprocess.run([*call, "-o", tmp_path / "alone"], check=True, stdout=subprocess.PIPE)
    ours, alone = (made_in(tmp_path / name) for name in ("array", "alone"))
    assert ours.keys() == alone.keys() == {"sample-0", "sample-1"}
    for name, one in ours.items():
        assert one.final.positions == pytest.approx(alone[name].final.positions, abs=1e-9)
    assert not np.allclose(ours["sample-0"].final.positions, ours["sample-1"].final.positions)


def test_a_protocol_that_ships_can_be_copied_and_changed(al_loop: Command, tmp_path: Path) -> None:
    listed = al_loop("glass", "make")
    folder = listed.out.split("copy it: ")[1].split("/NAME.yaml")[0]
    text = (Path(folder) / "silica-small.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("atoms: 192", "atoms: 96"))
    ran = al_loop("glass", "make", "mine.yaml", "--dry-run")
    assert "96 atoms of SiO2" in ran.out


@pytest.mark.engine
def test_a_second_call_says_that_it_waits(al_loop: Command, tmp_path: Path) -> None:
    file = protocol(tmp_path, "SiO2", "bks")
    file.write_text(file.read_text().replace("rate: 100", "rate: 1000000"))
    arguments = ("glass", "make", file, "-p", "bks", "-o", "made")
    assert al_loop(*arguments).code == 0

    held, job = threading.Event(), JobFolder(tmp_path / "made" / "sample-0")

    def hold() -> None:
        with job.lock():
            held.set()
            time.sleep(1.0)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    ran = al_loop(*arguments)
    other.join()
    assert ran.code == 0
    assert "another process makes it: this one waits" in ran.out
    assert "waits" not in al_loop(*arguments).out
