"""A MongoDB of the user's own, in a folder: started, stopped, and found again."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from al_loop.errors import DatabaseError
from al_loop.naming import inside
from al_loop.store.connection import Connection, write_private
from al_loop.store.mongod import Mongod, PortTaken, find_mongod, running_pid
from al_loop.store.roles import Role, drop_user, put_user
from al_loop.store.table import Client

HOST = "127.0.0.1"
_FIRST_PORT = 27100
_PORTS = 800
_PORT_ATTEMPTS = 20
_PATIENCE = 5.0
_LONG_PATIENCE = 30.0
_LARGEST_LOG = 16 << 20


@dataclass(frozen=True)
class ServerStatus:
    """How a local server stands. ``size`` is what its data take on disk, bytes."""

    folder: Path
    running: bool
    address: str | None
    pid: int | None
    size: int

    @property
    def fireworks_config(self) -> Path:
        """The file that FW_CONFIG_FILE should name, so that lpad and rlaunch use this server."""
        return self.folder / "FW_config.yaml"


class LocalServer:
    """A mongod in a folder: loopback only, with a password, for one user.

    The folder (mode 0700) holds ``data/``, ``mongod.log``, ``my_launchpad.yaml`` (0600: the
    address and the generated password), ``FW_config.yaml`` and, while it runs,
    ``mongod.pid`` and ``host``. Its own user may read and write the one database and nothing
    else. There is no administrator: who owns the folder may add users, and each has a file in
    ``users/`` (0600), to be handed over.
    """

    def __init__(self, folder: Path, *, port: int | None = None, name: str = "al_loop") -> None:
        """``port``: insist on this one; by default a free one is chosen and kept."""
        self.folder = folder.expanduser().absolute()
        self.port = port
        self.name = name

    @property
    def launchpad_file(self) -> Path:
        """FireWorks' my_launchpad.yaml of this server."""
        return self.folder / "my_launchpad.yaml"

    @cached_property
    def _mongod(self) -> Mongod:
        return Mongod(
            program=find_mongod(),
            data=self.folder / "data",
            log=self.folder / "mongod.log",
            pid_file=self.folder / "mongod.pid",
        )

    def connection(self) -> Connection:
        """How to reach the server, as its file says."""
        return Connection.from_launchpad_file(self.launchpad_file)

    def start(self) -> Connection:
        """Start the server if it does not run, and return how to reach it.

        Two processes may call this at once. A server that died is started again on its data.

        Raises
        ------
        DatabaseError
            It cannot be started; says why and what to do.
        """
        self._make_folder()
        with self._lock():
            if self._answers(_PATIENCE):
                return self.connection()
            self._refuse_other_host()
            if self._mongod.pid() is not None:
                # It lives: it may be slow, or half-way through its first start, or not know
                # our password because its file is gone.
                if self._answers(_LONG_PATIENCE):
                    return self.connection()
                self._mongod.stop()
            self._keep_log_short()
            (self.folder / "host").write_text(socket.gethostname())
            self._listen(self._prepare())
            write_private(
                self.folder / "FW_config.yaml", {"LAUNCHPAD_LOC": str(self.launchpad_file)}
            )
            return self.connection()

    def stop(self) -> bool:
        """Stop the server; False when it did not run."""
        if not (self.folder / "mongod.pid").exists():
            return False
        with self._lock():
            running = self._mongod.pid() is not None
            if not running:
                self._refuse_other_host()
            self._mongod.stop()
            (self.folder / "host").unlink(missing_ok=True)
            return running

    def status(self) -> ServerStatus:
        """Whether it runs and answers, where, and how large it is."""
        known = self.launchpad_file.exists()
        running = known and self._answers(_PATIENCE)
        return ServerStatus(
            folder=self.folder,
            running=running,
            address=self.connection().address if known else None,
            pid=self._pid() if running else None,
            size=_size(self.folder / "data"),
        )

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / "data").mkdir(mode=0o700, exist_ok=True)
            probe = self.folder / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise DatabaseError(
                f"the database's folder cannot be used: {error.strerror}",
                where=self.folder,
                remedy="choose one where you may write: al-loop db start --folder ...",
            ) from None

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One starter or stopper at a time; the kernel frees it when its holder dies."""
        with (self.folder / ".lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _answers(self, patience: float) -> bool:
        """Whether the server of this folder answers and knows our password.

        That something answers there is not enough: in a copy of the folder (a backup), the file
        names the port and password of the original.
        """
        if not self.launchpad_file.exists() or self._pid() is None:
            return False
        connection = self.connection()
        if not _listens(connection.port or 0):
            return False
        client = Client(connection, patience=patience)
        try:
            client.ping()
        except DatabaseError:
            return False
        finally:
            client.close()
        return True

    def _pid(self) -> int | None:
        return running_pid(self.folder / "mongod.pid", data=self.folder / "data")

    def _refuse_other_host(self) -> None:
        """Two mongods on one folder of a shared file system would destroy it."""
        file = self.folder / "host"
        host = file.read_text().strip() if file.exists() else ""
        if host and host != socket.gethostname():
            raise DatabaseError(
                f"this server was started on {host} and has not been stopped there",
                where=self.folder,
                remedy=f"on {host}: al-loop db stop --folder {self.folder}\n"
                f"     (if that machine is gone for good: rm {file})",
            )

    def _keep_log_short(self) -> None:
        log = self.folder / "mongod.log"
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(self.folder / "mongod.log.1")

    def _prepare(self) -> Connection:
        """The first time: choose a password and make the user that has it."""
        ready = self.folder / "data" / "al_loop.ready"
        if ready.exists() and self.launchpad_file.exists():
            return self.connection()
        connection = self._new_login(self.name, port=self.port or self._ports()[0])
        connection.to_launchpad_file(self.launchpad_file)
        with self._administered() as uri:
            put_user(uri, connection, role="work")
        ready.touch()
        return connection

    def _new_login(self, user: str, *, port: int | None) -> Connection:
        return Connection(
            host=HOST,
            port=port,
            name=self.name,
            username=user,
            password=SecretStr(secrets.token_urlsafe(24)),
            authsource=self.name,
        )

    @contextmanager
    def _administered(self) -> Iterator[str]:
        """The server without passwords, on a socket that only this user can reach: its URI."""
        with (
            tempfile.TemporaryDirectory(prefix="al-loop-") as private,
            self._mongod.open_privately(Path(private)) as uri,
        ):
            yield uri

    def user_file(self, user: str) -> Path:
        """The my_launchpad.yaml of a user that was added."""
        return inside(self.folder / "users", f"{user}.yaml", what="a user")

    def add_user(self, user: str, *, role: Role) -> Path:
        """Make a user, or give one a new password and role; returns its my_launchpad.yaml.

        Nobody can do this over the network, so the server is started anew: it is away for some
        seconds, which campaigns wait out. It runs afterwards.

        Raises
        ------
        DatabaseError
            This cannot be a user's name, or it is the server's own user.
        """
        file = self.user_file(user)
        self._refuse_own(user)
        with self._away() as uri:
            login = self._new_login(user, port=self.connection().port)
            put_user(uri, login, role=role)
            file.parent.mkdir(mode=0o700, exist_ok=True)
            login.to_launchpad_file(file)
        return file

    def remove_user(self, user: str) -> bool:
        """Forget a user that was added, as :meth:`add_user`; False when there was no such user."""
        file = self.user_file(user)
        self._refuse_own(user)
        if not file.exists():
            return False
        with self._away() as uri:
            drop_user(uri, self._new_login(user, port=None))
            file.unlink()
        return True

    def _refuse_own(self, user: str) -> None:
        if user == self.name:
            raise DatabaseError(
                f"{user!r} is the server's own user",
                where=self.launchpad_file,
                remedy="choose another name",
            )

    @contextmanager
    def _away(self) -> Iterator[str]:
        """The running server, for a moment administered and not to be reached by others."""
        self.start()
        with self._lock():
            self._mongod.stop()
            try:
                with self._administered() as uri:
                    yield uri
            finally:
                self._listen(self.connection())

    def _listen(self, connection: Connection) -> None:
        """Start the server on the port that it had, or on the next free one."""
        ports = [connection.port or 0, *self._ports()] if self.port is None else [self.port]
        for port in [p for p in dict.fromkeys(ports) if p and not _listens(p)][:_PORT_ATTEMPTS]:
            try:
                self._mongod.start(
                    *("--bind_ip", HOST, "--port", str(port), "--nounixsocket", "--auth"),
                    *("--setParameter", "enableLocalhostAuthBypass=false"),
                )
            except PortTaken:
                continue
            moved = connection.model_copy(update={"port": port})
            moved.to_launchpad_file(self.launchpad_file)
            self._tell_users(port)
            client = Client(moved, patience=_PATIENCE)
            try:
                client.ping()
            finally:
                client.close()
            return
        raise DatabaseError(
            f"port {self.port} is taken by another program"
            if self.port
            else f"no free port from {ports[0]} on",
            where=self.folder,
            remedy="leave the port to al_loop, or stop that program",
        )

    def _tell_users(self, port: int) -> None:
        for file in (self.folder / "users").glob("*.yaml"):
            login = Connection.from_launchpad_file(file)
            if login.port != port:
                login.model_copy(update={"port": port}).to_launchpad_file(file)

    def _ports(self) -> list[int]:
        """Ports to try, beginning at one that depends on the folder (and the user)."""
        first = zlib.crc32(os.fsencode(self.folder)) % _PORTS
        return [_FIRST_PORT + (first + i) % _PORTS for i in range(_PORTS)]


def _listens(port: int) -> bool:
    """Whether a program listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _size(folder: Path) -> int:
    """Bytes on disk; files may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total
