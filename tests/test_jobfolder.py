"""The job folder: a result is whole and valid, or there is none; kills change nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_loop.errors import JobFolderError
from al_loop.jobfolder import Clock, JobFolder, JobResult, write_atomically


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    """A job with one input."""
    path = tmp_path / "job"
    path.mkdir()
    (path / "input.txt").write_text("input")
    return make(path)


def make(path: Path, **change: object) -> JobFolder:
    described = {
        "kind": "label",
        "engine": "pair",
        "options": {"cutoff": 5.5},
        "params": {"count": 2},
        "inputs": ["input.txt"],
    }
    return JobFolder.create(path, **(described | change))  # type: ignore[arg-type]


def finished(folder: JobFolder) -> JobResult:
    (folder.path / "output.txt").write_text("output")
    clock = Clock()
    with clock.span():
        pass
    return folder.finish({"energy": -1.25, "ok": True}, files=["output.txt"], clock=clock)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def child(code: str, path: Path) -> subprocess.Popen[str]:
    prelude = "import os, signal, sys\nfrom pathlib import Path\nfrom al_loop.jobfolder import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, str(path)], stdout=subprocess.PIPE, text=True
    )


def test_result_is_what_was_finished(folder: JobFolder) -> None:
    assert folder.result() is None
    result = finished(folder)
    assert JobFolder(folder.path).result() == result
    assert result.payload == {"energy": -1.25, "ok": True}
    assert result.key == folder.spec().key
    assert [span.what for span in result.spans] == ["compute"]
    assert result.started <= result.spans[0].start <= result.spans[0].end <= result.ended


payloads = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    max_size=5,
)  # fmt: skip


@given(payload=payloads)
def test_any_payload_comes_back(
    tmp_path_factory: pytest.TempPathFactory, payload: dict[str, object]
) -> None:
    folder = JobFolder.create(tmp_path_factory.mktemp("job"), kind="train", engine="linear")
    folder.finish(payload, files=[], clock=Clock())
    result = folder.result()
    assert result is not None
    assert result.payload == payload


def test_a_truncated_result_is_no_result(folder: JobFolder) -> None:
    finished(folder)
    file = folder.path / "result.json"
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        assert folder.result() is None
    file.write_bytes(whole)
    assert folder.result() is not None


@pytest.mark.parametrize(
    "change",
    [
        {"payload": {"energy": -1.26, "ok": True}},
        {"payload": {"energy": float("nan"), "ok": True}},
        {"key": "0" * 64},
        {"files": {}},
        {"host": "elsewhere"},
        {"more": 1},
    ],
)
def test_a_result_that_was_tampered_with_is_no_result(
    folder: JobFolder, change: dict[str, object]
) -> None:
    finished(folder)
    file = folder.path / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    assert folder.result() is None


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"null", b"{}"])
def test_garbage_is_no_result(folder: JobFolder, content: bytes) -> None:
    (folder.path / "result.json").write_bytes(content)
    assert folder.result() is None


def test_a_result_vouches_for_its_files(folder: JobFolder) -> None:
    finished(folder)
    output = folder.path / "output.txt"
    output.write_text("Output")
    assert folder.result() is None
    output.unlink()
    assert folder.result() is None
    output.write_text("output")
    assert folder.result() is not None


def test_a_result_of_another_job_is_no_result(folder: JobFolder, tmp_path: Path) -> None:
    finished(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "input.txt").write_text("input")
    for name in ("result.json", "output.txt"):
        (other / name).write_bytes((folder.path / name).read_bytes())
    assert make(other, params={"count": 3}).result() is None
    (other / "job.json").unlink()
    assert make(other).result() is not None


def test_creating_again_changes_nothing(folder: JobFolder) -> None:
    before = (folder.path / "job.json").stat()
    assert make(folder.path).spec().key == folder.spec().key
    assert (folder.path / "job.json").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "train"}, r'kind is "\w+" there, "train" now'),
        ({"engine": "xtb"}, r'engine is "\w+" there, "xtb" now'),
        ({"options": {}}, r"options\.\w+ is .+ there, null now"),
        ({"params": {"count": 3}}, r"params\.count is \d+ there, 3 now"),
    ],
)
def test_a_folder_that_holds_another_job_is_refused(
    folder: JobFolder, change: dict[str, object], says: str
) -> None:
    before = (folder.path / "job.json").read_bytes()
    with pytest.raises(JobFolderError, match=f"holds another job: {says}"):
        make(folder.path, **change)
    assert (folder.path / "job.json").read_bytes() == before


def test_the_first_difference_deep_in_lists_is_told(folder: JobFolder) -> None:
    steps = [{"do": "hold", "temperature": 4000.0}, {"do": "quench", "rate": 20.0}]
    path = folder.path / "deep"
    JobFolder.create(path, kind="glass", engine="lammps", params={"steps": steps})
    steps[1] = {"do": "quench", "rate": 5.0}
    says = r"params\.steps\[1\]\.rate is 20\.0 there, 5\.0 now"
    with pytest.raises(JobFolderError, match=says):
        JobFolder.create(path, kind="glass", engine="lammps", params={"steps": steps})
    says = r"params\.steps is \[.{59}\.\.\. there, \[\] now"
    with pytest.raises(JobFolderError, match=says):
        JobFolder.create(path, kind="glass", engine="lammps", params={"steps": []})


def test_a_job_is_what_its_inputs_hold(folder: JobFolder) -> None:
    folder.check_inputs()
    (folder.path / "input.txt").write_text("Input")
    with pytest.raises(JobFolderError, match=r"input\.txt: input file has changed"):
        folder.check_inputs()
    with pytest.raises(JobFolderError, match="holds another job"):
        make(folder.path)
    (folder.path / "input.txt").unlink()
    with pytest.raises(JobFolderError, match=r"input\.txt: input file is missing"):
        folder.check_inputs()
    with pytest.raises(JobFolderError, match=r"input\.txt: input file is missing"):
        make(folder.path)


def test_what_is_no_job_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobFolderError, match="not a job folder"):
        JobFolder(tmp_path).spec()
    (tmp_path / "job.json").write_text('{"kind": "label"')
    with pytest.raises(JobFolderError, match=r"job\.json: unreadable job"):
        JobFolder(tmp_path).spec()
    with (
        pytest.raises(JobFolderError, match="no such job folder"),
        JobFolder(tmp_path / "none").lock(),
    ):
        pass


def test_a_payload_with_nan_is_not_written(folder: JobFolder) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        folder.finish({"energy": float("nan")}, files=[], clock=Clock())
    assert not (folder.path / "result.json").exists()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_while_the_result_is_written_leaves_none_or_all(
    folder: JobFolder, moment: str
) -> None:
    """Killed right before, or right after, the atomic step."""
    (folder.path / "output.txt").write_text("output")
    process = child(
        "step = Path.replace\n"
        "def fatal(self, target):\n"
        f"    if {moment!r} == 'after': step(self, target)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Path.replace = fatal\n"
        "JobFolder(Path(sys.argv[1])).finish({'e': 1}, files=['output.txt'], clock=Clock())\n",
        folder.path,
    )
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    if moment == "before":
        assert not (folder.path / "result.json").exists()
        assert folder.result() is None
        finished(folder)
    assert folder.result() is not None


def test_a_second_process_waits_for_the_first(folder: JobFolder) -> None:
    waiting = folder.path / "waiting"
    with folder.lock():
        process = child(
            "folder = JobFolder(Path(sys.argv[1]))\n"
            "(folder.path / 'waiting').touch()\n"
            "with folder.lock():\n"
            "    result = folder.result()\n"
            "    print(result.payload['energy'] if result else 'none')\n",
            folder.path,
        )
        wait_for(waiting.exists)
        assert process.poll() is None
        finished(folder)
    assert process.communicate(timeout=60)[0] == "-1.25\n"


def test_a_killed_holder_frees_the_folder(folder: JobFolder) -> None:
    assert not folder.is_running()
    process = child(
        "with JobFolder(Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True)\n"
        "    signal.pause()\n",
        folder.path,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert folder.is_running()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert not folder.is_running()
    with folder.lock():
        assert folder.is_running()
    assert not folder.is_running()


def test_an_engine_that_outlives_its_driver_holds_the_folder(folder: JobFolder) -> None:
    """It writes there still: who begins anew waits for its end."""
    (folder.path / "frame").mkdir()
    process = child(
        "from al_loop.lammps.executable import Program\n"
        "from al_loop.lammps.process import start_lammps\n"
        "with JobFolder(Path(sys.argv[1])).lock():\n"
        "    program = Program(('sleep',), dict(os.environ))\n"
        "    engine = start_lammps(\n"
        "        ['sleep', '600'], folder=Path(sys.argv[1]) / 'frame', program=program)\n"
        "    print(engine.pid, flush=True)\n"
        "    signal.pause()\n",
        folder.path,
    )
    assert process.stdout is not None
    engine = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    process.stdout.close()
    assert folder.is_running()
    os.kill(engine, signal.SIGKILL)
    wait_for(lambda: not folder.is_running())


def test_the_lock_is_freed_when_the_job_raises(folder: JobFolder) -> None:
    with pytest.raises(RuntimeError, match="stop"), folder.lock():
        raise RuntimeError("stop")
    assert not folder.is_running()


def test_time_is_recorded_even_when_the_block_raises() -> None:
    clock = Clock()
    with pytest.raises(RuntimeError, match="stop"), clock.span("compute"):
        raise RuntimeError("stop")
    clock.add(1.0, 2.5, "load")
    assert [(s.what, s.end >= s.start) for s in clock.spans] == [("compute", True), ("load", True)]


def test_an_atomic_write_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "a long old content")
    write_atomically(path, "é")
    assert path.read_bytes() == "é".encode()
    write_atomically(path, b"\x00")
    assert path.read_bytes() == b"\x00"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
