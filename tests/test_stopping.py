"""A request to stop, as an engine hears it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from al_loop import stopping
from al_loop.errors import JobStopped


def test_a_request_that_comes_a_moment_later_is_waited_for(tmp_path: Path) -> None:
    with stopping.listening(tmp_path):
        assert not stopping.expected(0.0)
        threading.Timer(0.2, stopping.request).start()
        assert stopping.expected(30.0)
        with pytest.raises(JobStopped):
            stopping.stop_if_requested(tmp_path)


def test_a_stop_file_is_a_request(tmp_path: Path) -> None:
    with stopping.listening(tmp_path):
        (tmp_path / stopping.STOP_FILE).touch()
        assert stopping.expected(30.0)


def test_the_request_of_another_job_is_forgotten(tmp_path: Path) -> None:
    with stopping.listening(tmp_path):
        stopping.request()
    with stopping.listening(tmp_path):
        assert not stopping.requested()
