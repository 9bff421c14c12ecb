"""Files that are cut short or gone, and a disk that fills up: nothing is lost."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al_loop.jobfolder import JobFolder
from al_loop.launch.launchpad import open_launchpad
from al_loop.loop.jobs import run_job
from al_loop.store import Connection, Store
from tests.campaigns import Outcome, Place, kill_when
from tests.processes import running_jobs

pytestmark = pytest.mark.engine

MOMENTS = ("iter.000000/train/*", "iter.000001/explore/*", "iter.000002/label/*")


def running_in(place: Place, where: str) -> list[Path]:
    """Job folders that fit ``where`` and in which a job runs."""
    return [path for path in running_jobs(place.folder).values() if path.match(where)]


def due_folders(place: Place) -> list[JobFolder]:
    """Folders of jobs that have not been taken in."""
    with Store(place.connection) as store:
        due = store.jobs.all_due("cheap")
    names = [f"iter.{job.iteration:06d}/{job.stage}/{job.name}" for job in due]
    return [JobFolder(place.folder / name) for name in names]


def wait_until(run: subprocess.Popen[bytes], place: Place, condition: Callable[[], bool]) -> None:
    """Until a condition holds, while the run goes on."""
    end = time.monotonic() + 240
    while not condition():
        assert run.poll() is None and time.monotonic() < end, place.log
        time.sleep(0.002)


def test_results_that_are_cut_short_are_made_again_from_what_is_there(
    place: Place, undisturbed: Outcome
) -> None:
    for where in MOMENTS:
        assert kill_when(
            place.file, place.launchpad, lambda where=where: bool(running_in(place, where))
        )
        folders = due_folders(place)
        assert folders
        for folder in folders:
            files = ["result.json", *run_job(folder.path).files]
            for file in (folder.path / name for name in files):
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            assert folder.result() is None
    place.finish()
    place.insist_that_nothing_is_lost(undisturbed)


def test_folders_that_vanish_under_their_jobs_are_written_again(
    place: Place, undisturbed: Outcome
) -> None:
    run = place.start()
    for where in MOMENTS:
        gone: list[Path] = []

        def vanish(where: str = where, gone: list[Path] = gone) -> bool:
            for folder in running_in(place, where)[:1]:
                shutil.rmtree(folder, ignore_errors=True)
                gone.append(folder)
            return bool(gone)

        wait_until(run, place, vanish)
    assert run.wait(240) == 0, place.log
    place.insist_that_nothing_is_lost(undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    """Use up all that is left, as somebody else's job does on a shared disk."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as stream:
        while True:
            stream.write(bytes(1024))
    return filler


def count_failures(place: Place) -> int:
    """Launches that FireWorks knows to have failed."""
    with open_launchpad(place.connection) as launchpad:
        return int(launchpad.launches.count_documents({"state": "FIZZLED"}))


def test_a_disk_that_fills_up_costs_nothing_once_there_is_room(
    connection: Connection, tmp_path: Path, small_disk: Path, undisturbed: Outcome
) -> None:
    place = Place.make(tmp_path, connection, folder=small_disk / "cheap")
    run = place.start()
    wait_until(run, place, lambda: bool(running_in(place, "iter.000001/label/*")))
    filler = fill(small_disk)
    wait_until(run, place, lambda: "disk is full" in place.log or count_failures(place) > 2)
    filler.unlink()
    assert run.wait(240) == 0, place.log
    place.insist_that_nothing_is_lost(undisturbed)
