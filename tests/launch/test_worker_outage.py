"""`al-loop worker` while its database goes away and comes back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.run import submit
from al_loop.store import Store
from tests.campaigns import AL_LOOP, CHEAP, computed, outcome, write_campaign
from tests.mongo import ScratchServer

pytestmark = pytest.mark.engine

GATED = Path(__file__).with_name("gated")
SECONDS = 180.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScratchServer]:
    scratch = ScratchServer(tmp_path / "al-loop-db")
    yield scratch
    scratch.server.stop()


def test_a_worker_waits_for_its_database_and_holds_nothing_that_it_does_not_run(
    server: ScratchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(GATED))
    gate = tmp_path / "gate"
    gate.mkdir()
    (gate / "shut").touch()
    text = CHEAP.replace("engine: pair", f"engine: gated\n  options: {{{{gate: {gate}}}}}")
    spec = load_campaign(write_campaign(tmp_path, text, name="cheap"))
    patient = server.fresh()
    submit(patient, spec.model_copy(update={"folder": str(tmp_path / "cheap")}), base=tmp_path)
    hurried = tmp_path / "site.yaml"
    patient.with_patience(1).to_launchpad_file(hurried)
    log = tmp_path / "worker.log"
    with log.open("w") as stream:
        worker = subprocess.Popen(
            [AL_LOOP, "worker", "-l", hurried],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(GATED)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert worker.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)

    try:
        until((gate / "held.none").exists)
        server.server.stop()
        (gate / "shut").unlink()  # the job ends while nobody can be told
        until(lambda: log.read_text().count("goes on in") >= 2)
        server.server.start()
        assert worker.wait(timeout=SECONDS) == 0, log.read_text()
    finally:
        worker.kill()
        worker.wait()
    with Store(patient) as store:
        found = outcome(store, "cheap")
    assert found.state == "stopped"
    assert set(found.labels) == {frame for frame, _, _ in found.chosen}
    assert set(computed(tmp_path / "cheap").values()) == {1}
    with open_launchpad(patient) as launchpad:
        assert launchpad.fireworks.distinct("state") == ["COMPLETED"]
