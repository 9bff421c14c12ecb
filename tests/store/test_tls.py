"""A site's MongoDB that wants TLS."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from al_loop.errors import DatabaseError
from al_loop.store import Connection, LocalServer, Store
from al_loop.store.mongod import Mongod, find_mongod

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        shutil.which("openssl") is None, reason="needs openssl to make certificates"
    ),
]


def certificate(folder: Path, name: str) -> Path:
    """A certificate for localhost that signs itself; the file holds its key too."""
    key, cert, both = (folder / f"{name}.{kind}" for kind in ("key", "crt", "pem"))
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Path]]:
    """What my_launchpad.yaml says of a mongod that wants TLS, and its folder."""
    folder = tmp_path_factory.mktemp("site")
    local = LocalServer(folder / "db")
    known = local.start()
    local.stop()
    pem = str(certificate(folder, "server"))
    server = Mongod(find_mongod(), folder / "db" / "data", folder / "log", folder / "pid")
    server.start(
        *("--bind_ip", "127.0.0.1", "--port", str(known.port), "--nounixsocket", "--auth"),
        *("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", pem, "--tlsCAFile", pem),
        "--tlsAllowConnectionsWithoutCertificates",
    )
    yield {**known.launchpad_dict(), "host": "localhost"}, folder
    server.stop()


def at(site: dict[str, Any], **kwargs: Any) -> Store:
    kwargs = {"serverSelectionTimeoutMS": 2000, **kwargs}
    connection = Connection.model_validate({**site, "mongoclient_kwargs": kwargs})
    return Store(connection, patience=2)


def test_the_right_authority_lets_us_in(site: tuple[dict[str, Any], Path]) -> None:
    launchpad, folder = site
    with at(launchpad, tls=True, tlsCAFile=str(folder / "server.crt")) as store:
        store.ping()
        store.iterations.open("g", 0, "start")


def test_a_plain_connection_is_told_of_tls(site: tuple[dict[str, Any], Path]) -> None:
    with at(site[0]) as store, pytest.raises(DatabaseError, match="tls: true"):
        store.ping()


def test_a_foreign_authority_is_refused(site: tuple[dict[str, Any], Path]) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        other = certificate(Path(elsewhere), "other")
        with at(site[0], tls=True, tlsCAFile=str(other)) as store:  # noqa: SIM117
            with pytest.raises(DatabaseError, match=r"TLS failed(.|\n)*tlsCAFile"):
                store.ping()


def test_a_name_that_is_not_in_the_certificate_is_refused(
    site: tuple[dict[str, Any], Path],
) -> None:
    launchpad, folder = site
    store = at({**launchpad, "host": "127.0.0.1"}, tls=True, tlsCAFile=str(folder / "server.crt"))
    with store, pytest.raises(DatabaseError, match=r"TLS failed(.|\n)*name in the certificate"):
        store.ping()
