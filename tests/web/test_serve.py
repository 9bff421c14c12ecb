"""`al-loop web` as a user starts it: gunicorn, a sign-in, a page, and an end by SIGTERM."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from al_loop.store import Connection
from tests.campaigns import AL_LOOP
from tests.mongo import PASSWORD
from tests.web.conftest import token

pytestmark = pytest.mark.engine

PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def served(connection: Connection, tmp_path: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    connection.to_launchpad_file(tmp_path / "my_launchpad.yaml")
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [AL_LOOP, "web", "--port", str(port), "--launchpad", "my_launchpad.yaml"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def open_when_ready(browser: OpenerDirector, url: str, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return str(browser.open(url, timeout=PATIENCE).read().decode())
        except HTTPError:
            raise
        except URLError:
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < end, "it does not answer"
            time.sleep(0.1)


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_it_starts_lets_its_user_in_and_ends_by_sigterm(
    served: subprocess.Popen[bytes], port: int, tmp_path: Path
) -> None:
    here = f"http://127.0.0.1:{port}"
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    browser.addheaders = [("Accept", "text/html")]
    page = open_when_ready(browser, f"{here}/campaigns/", served)
    assert "Sign in" in page and "No campaigns yet" not in page
    said = (tmp_path / "web.log").read_text()
    name, password = (re.search(rf"{what} +(\S+)", said) for what in ("user", "password"))
    assert name is not None and password is not None, said
    assert here in said.replace("\n", "")
    form = {"name": name[1], "password": password[1], "csrf": token(page)}
    answer = browser.open(f"{here}/login?next=/campaigns/", urlencode(form).encode())
    text = answer.read().decode()
    assert "No campaigns yet" in text and f'class="who">{name[1]}<' in text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    style = browser.open(f"{here}/al-loop/static/style.css").read()
    assert b"--card" in style
    workers = workers_of(served)
    assert len(workers) >= 2
    served.send_signal(signal.SIGTERM)
    assert served.wait(timeout=PATIENCE) == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    with socket.socket() as one:
        assert one.connect_ex(("127.0.0.1", port)) != 0
    said = (tmp_path / "web.log").read_text()
    assert said.count(password[1]) == 1
    assert PASSWORD not in said and "Traceback" not in said
    users = tmp_path / "al-loop-web.json"
    assert users.stat().st_mode & 0o777 == 0o600
    assert password[1] not in users.read_text()


def test_it_does_not_listen_for_others_without_https(tmp_path: Path) -> None:
    ran = subprocess.run(
        [AL_LOOP, "web", "--host", "0.0.0.0"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "unencrypted" in ran.stderr + ran.stdout
    assert not (tmp_path / "al-loop-web.json").exists()
