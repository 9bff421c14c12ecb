"""The doctor finds what is wrong, says whose fault it is, and is silent when nothing is."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fireworks import FWorker, LaunchPad

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.errors import DatabaseError, UserError
from al_loop.jobfolder import JobFolder
from al_loop.launch.alive import worker_name
from al_loop.launch.doctor import Report, database, disk, examine, examine_without_database
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import mend
from al_loop.launch.run import submit
from al_loop.loop.advance import process_name
from al_loop.loop.jobs import run_job
from al_loop.store import Connection, Event, Store
from al_loop.taxonomy import FAULTS
from tests.campaigns import AL_LOOP, CHEAP, write_campaign

pytestmark = pytest.mark.engine


@pytest.fixture
def spec(tmp_path: Path) -> CampaignSpec:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    return spec.model_copy(update={"folder": str(tmp_path / "cheap")})


@pytest.fixture
def launchpad(connection: Connection, spec: CampaignSpec, tmp_path: Path) -> Iterator[LaunchPad]:
    """The cheap campaign, submitted: its first label jobs wait for workers."""
    submit(connection, spec, base=tmp_path)
    with open_launchpad(connection) as opened:
        yield opened


@pytest.fixture
def working(launchpad: LaunchPad, tmp_path: Path) -> int:
    """A live worker runs one of its jobs; the firework's id."""
    return start(launchpad, tmp_path, process_name())


def start(launchpad: LaunchPad, folder: Path, process: str) -> int:
    firework, _ = launchpad.checkout_fw(FWorker(worker_name(process)), str(folder))
    assert firework is not None
    return int(firework.fw_id)


def dead_process() -> str:
    code = "from al_loop.loop.advance import process_name; print(process_name())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def codes(report: Report) -> list[str]:
    assert {one.code for one in report.findings} <= set(FAULTS)
    return [one.code for one in report.findings]


# -- nothing is wrong


def test_where_nothing_is_wrong_it_gives_the_figures_that_matter(
    connection: Connection, launchpad: LaunchPad, working: int
) -> None:
    report = examine(connection)
    assert codes(report) == []
    assert report.healthy
    assert report.figures is not None
    (row,) = report.figures.campaigns
    waiting = launchpad.fireworks.count_documents({"state": "READY"})
    assert (row.name, row.state, row.running, row.workers) == ("cheap", "running", 1, 1)
    assert row.waiting == waiting > 0
    assert row.free is not None and row.free > 0
    assert report.figures.database_ms > 0
    assert abs(report.figures.clock_seconds) < 30


def test_a_database_without_campaigns_is_healthy(connection: Connection) -> None:
    assert examine(connection).healthy


def test_an_unknown_campaign_is_an_error(connection: Connection) -> None:
    with pytest.raises(UserError, match="no campaign called 'glas'"):
        examine(connection, "glas")


# -- what the mending pass can mend


def test_it_explains_damage_and_changes_nothing_unless_asked(
    connection: Connection, launchpad: LaunchPad, working: int, tmp_path: Path
) -> None:
    lost = start(launchpad, tmp_path, dead_process())
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})
    with Store(connection) as store:
        store.database["labels"].drop_indexes()
    before = list(launchpad.fireworks.find({}))
    report = examine(connection)
    assert set(codes(report)) == {"run-lost", "lock-stale", "database-behind"}
    assert list(launchpad.fireworks.find({})) == before
    fixed = examine(connection, "cheap", fix=True)
    assert {one.code for one in fixed.mended} == {"run-lost", "lock-stale", "database-behind"}
    assert codes(fixed) == []
    assert launchpad.fireworks.find_one({"fw_id": lost})["state"] == "READY"
    assert launchpad.fireworks.find_one({"fw_id": working})["state"] == "RUNNING"


def test_fixing_takes_in_what_lies_in_the_folders(
    connection: Connection, launchpad: LaunchPad, working: int, tmp_path: Path
) -> None:
    run_job(tmp_path / "cheap" / "iter.000000" / "start" / "chunk-000")
    examine(connection, fix=True)
    with Store(connection) as store:
        job = store.jobs.get("cheap/0/start/chunk-000")
    assert job is not None and job.state == "done"


# -- what only a person can put right


def test_jobs_that_nobody_takes_are_named(connection: Connection, launchpad: LaunchPad) -> None:
    report = examine(connection)
    assert codes(report) == ["no-worker"]
    assert "jobs wait, none runs" in report.findings[0].words


def test_a_queue_that_refuses_is_quoted(
    connection: Connection, store: Store, launchpad: LaunchPad
) -> None:
    said = "cpu: sbatch: error: invalid partition specified: cpux"
    store.events.add(Event(campaign="cheap", kind="queue-refused", text=said))
    report = examine(connection)
    assert codes(report) == ["submit-failing"]
    assert report.findings[0].words == said


def test_a_refusal_of_yesterday_is_forgotten(
    connection: Connection, store: Store, launchpad: LaunchPad
) -> None:
    when = datetime.now(timezone.utc) - timedelta(days=1)
    store.events.add(Event(campaign="cheap", kind="queue-refused", text="no", when=when))
    assert codes(examine(connection)) == ["no-worker"]


def test_quarantined_jobs_come_with_last_words_and_the_way_out_of_their_cause(
    connection: Connection, store: Store, launchpad: LaunchPad, working: int
) -> None:
    words = "Step 100\nslurmstepd: error: Detected 1 oom_kill event in StepId=7.batch."
    for i in range(5):
        assert store.jobs.quarantine(
            f"cheap/0/start/chunk-00{i}", failure="out-of-memory", words=words
        )
    report = examine(connection)
    assert set(codes(report)) == {"job-quarantined"}
    first, *_, last = report.findings
    assert first.where == "cheap/0/start/chunk-000"
    assert "oom_kill" in first.words
    assert first.remedy == FAULTS["out-of-memory"].remedy
    assert last.words.startswith("2 more jobs")


def test_a_campaign_that_failed_says_why(
    connection: Connection, store: Store, launchpad: LaunchPad
) -> None:
    store.campaigns.set_state("cheap", "failed", "all members of the committee diverged")
    report = examine(connection)
    assert codes(report) == ["campaign-failed"]
    assert report.findings[0].words == "all members of the committee diverged"


@pytest.mark.parametrize(
    ("verb", "code"), [("pause_fw", "paused-by-hand"), ("defuse_fw", "defused-by-hand")]
)
def test_what_a_person_did_with_lpad_is_told_and_left_alone(
    connection: Connection, launchpad: LaunchPad, working: int, verb: str, code: str
) -> None:
    chosen = launchpad.fireworks.find_one({"state": "READY"})["fw_id"]
    getattr(launchpad, verb)(chosen)
    report = examine(connection, fix=True)
    assert codes(report) == [code]
    assert '\'{"spec.al_loop.campaign": "cheap"}\'' in report.findings[0].remedy
    assert launchpad.fireworks.find_one({"fw_id": chosen})["state"] != "READY"


WITHOUT_OUR_PACKAGE = """\
import sys
sys.modules["al_loop"] = None
from fireworks import FWorker, LaunchPad
from fireworks.core.rocket_launcher import rapidfire
rapidfire(LaunchPad.from_file(sys.argv[1]), FWorker("foreign"), nlaunches=0)
"""


def test_a_worker_without_our_package_costs_no_job(
    connection: Connection, store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    """It turns all that it finds FIZZLED. The doctor says so, and the next pass puts all back."""
    file = tmp_path / "my_launchpad.yaml"
    connection.to_launchpad_file(file)
    subprocess.run(
        [sys.executable, "-c", WITHOUT_OUR_PACKAGE, str(file)],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=120,
    )
    ready = launchpad.fireworks.count_documents({"state": "READY"})
    assert ready == 0
    assert "package-missing" in codes(examine(connection))
    mend(store, launchpad, "cheap")
    states = set(launchpad.fireworks.distinct("state"))
    assert states == {"READY"}
    assert store.jobs.quarantined("cheap") == []


# -- disks


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EACCES, "no-permission"),
        (errno.EROFS, "filesystem"),
        (errno.EIO, "filesystem"),
    ],
)
def test_a_disk_that_takes_no_byte_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    assert [one.code for one in disk.disk(tmp_path)] == [code]
    assert list(tmp_path.iterdir()) == []


def test_little_room_and_a_folder_that_is_gone_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "LITTLE_ROOM", 0)
    assert list(disk.disk(tmp_path)) == []
    monkeypatch.setattr(disk, "LITTLE_ROOM", 1 << 60)
    assert [one.code for one in disk.disk(tmp_path)] == ["disk-nearly-full"]
    assert [one.code for one in disk.disk(tmp_path / "gone")] == ["campaign-folder-lost"]


# -- the database


@pytest.mark.parametrize(
    ("ms", "ahead", "code"),
    [(80, 0, "database-slow"), (1, 3600, "clock-skew"), (1, -3600, "clock-skew")],
)
def test_a_slow_database_and_a_wrong_clock_are_found(
    store: Store, ms: float, ahead: float, code: str
) -> None:
    assert list(database.database(store, ms=1, ahead=1)) == []
    assert [one.code for one in database.database(store, ms=ms, ahead=ahead)] == [code]


def test_writes_that_are_not_journaled_are_found(connection: Connection) -> None:
    careless = connection.model_copy(update={"mongoclient_kwargs": {"journal": False}})
    assert codes(examine(careless)) == ["not-journaled"]


def test_a_database_of_a_newer_al_loop_is_found(connection: Connection, store: Store) -> None:
    store.ping()
    store.database["al_loop_meta"].update_one({"_id": "indexes"}, {"$set": {"version": 10_000}})
    assert codes(examine(connection)) == ["database-ahead"]


def test_without_the_database_it_says_what_the_folders_tell(
    launchpad: LaunchPad, tmp_path: Path
) -> None:
    jobs = tmp_path / "cheap" / "iter.000000" / "start"
    run_job(jobs / "chunk-000")
    JobFolder(jobs / "chunk-001").note_failure("out-of-memory", "std::bad_alloc")
    error = DatabaseError("no database answers", where="mongo:27017/x", remedy="start it")
    report = examine_without_database(error, tmp_path)
    assert codes(report) == ["database-away", "out-of-memory", "result-waiting"]
    assert report.findings[1].words == "std::bad_alloc"
    assert report.findings[2].words.startswith("1 of the ")


# -- the command


def al_loop(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AL_LOOP, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            k: v for k, v in os.environ.items() if k not in ("AL_LOOP_LAUNCHPAD", "FW_CONFIG_FILE")
        },
    )


def test_the_command_explains_a_bad_day_in_one_screen(
    connection: Connection, store: Store, launchpad: LaunchPad, tmp_path: Path
) -> None:
    connection.to_launchpad_file(tmp_path / "my_launchpad.yaml")
    while launchpad.run_exists():
        start(launchpad, tmp_path, dead_process())
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})
    store.jobs.quarantine("cheap/0/start/chunk-000", failure="out-of-memory", words="bad_alloc")
    ran = al_loop(tmp_path, "doctor")
    assert ran.returncode == 1, ran.stderr
    assert len(ran.stdout.splitlines()) <= 24
    for words in ("run-lost", "a machine's fault", "and ", "->", "al-loop doctor --fix"):
        assert words in ran.stdout
    fixed = al_loop(tmp_path, "doctor", "cheap", "--fix", "--json")
    report = json.loads(fixed.stdout)
    assert {one["code"] for one in report["mended"]} >= {"run-lost", "lock-stale"}
    assert not report["healthy"]
    assert all(one["remedy"] and one["whose"] for one in report["findings"])


def test_the_command_ends_with_0_when_nothing_is_wrong(
    connection: Connection, launchpad: LaunchPad, working: int, tmp_path: Path
) -> None:
    connection.to_launchpad_file(tmp_path / "my_launchpad.yaml")
    ran = al_loop(tmp_path, "doctor")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "nothing is wrong" in ran.stdout
    assert "1 jobs run on 1 workers" in ran.stdout


def test_the_command_explains_a_database_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "my_launchpad.yaml"
    Connection(port=9).to_launchpad_file(file)
    ran = al_loop(tmp_path, "doctor", "--json")
    report = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert [one["code"] for one in report["findings"]] == ["database-away"]
    assert "Traceback" not in ran.stderr
