"""Where the database is: one frozen value, read from and written to FireWorks' own file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from al_loop.errors import DatabaseError

DRIVER_DEFAULTS: Mapping[str, Any] = {
    # Without it a killed mongod loses writes that it has acknowledged (about 0.1 s of them).
    "journal": True,
    # FireWorks' heartbeat ends for good in an outage that is longer than this.
    "serverSelectionTimeoutMS": 120_000,
    "appname": "al_loop",
}

_SECRET_DRIVER_KEYS = ("password", "token", "authmechanismproperties")


class Connection(BaseModel):
    """A MongoDB database and how to get there; the keys are those of ``my_launchpad.yaml``.

    With ``uri_mode`` everything is in ``host``, a MongoDB connection string. Nothing secret
    shows in ``repr``, ``str`` or a validation error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = "localhost"
    port: int | None = Field(27017, ge=1, le=65535)
    name: str = Field("al_loop", min_length=1)
    username: str | None = None
    password: SecretStr | None = None
    authsource: str | None = None
    uri_mode: bool = False
    mongoclient_kwargs: dict[str, Any] = Field(default_factory=dict)
    logdir: str | None = None
    strm_lvl: str | None = None
    user_indices: list[Any] = Field(default_factory=list)
    wf_user_indices: list[Any] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _as_fireworks_reads_it(cls, data: Any) -> Any:
        """Drop keys that are null, as FireWorks does, so that the defaults hold."""
        if not isinstance(data, Mapping):
            return data
        return {k: v for k, v in data.items() if v is not None and str(k)[:1] not in "_@"}

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        yield "address", self.address
        yield "username", self.username
        yield "password", None if self.password is None else "***"
        yield "mongoclient_kwargs", sorted(self.mongoclient_kwargs)

    @property
    def address(self) -> str:
        """Host, port and database for a person to read; never a secret."""
        if self.uri_mode:
            return f"{re.sub(r'//.*@', '//', self.host).split('?')[0]} (database {self.name})"
        return f"{self.host}:{self.port or 27017}/{self.name}"

    def redact(self, text: str) -> str:
        """``text`` without any secret of this connection."""
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return re.sub(r"(mongodb(?:\+srv)?://)[^\s'\"]*@", r"\1***@", text)

    def _secrets(self) -> list[str]:
        found = [self.password.get_secret_value()] if self.password else []
        for key, value in self.mongoclient_kwargs.items():
            if any(word in key.lower() for word in _SECRET_DRIVER_KEYS):
                found.append(str(value))
        if self.uri_mode and (login := re.search(r"//(.*)@", self.host)):
            password = login.group(1).partition(":")[2]
            found += [login.group(1), password, unquote(password)]
        return sorted((s for s in found if s), key=len, reverse=True)

    @property
    def driver_kwargs(self) -> dict[str, Any]:
        """``mongoclient_kwargs`` over al_loop's defaults (journal, patience, name)."""
        given = {key.lower() for key in self.mongoclient_kwargs}
        if self.uri_mode:
            given |= _uri_options(self.host).keys()
        defaults = {k: v for k, v in DRIVER_DEFAULTS.items() if k.lower() not in given}
        return {**defaults, **self.mongoclient_kwargs}

    @property
    def patience(self) -> float:
        """Seconds for which an outage of the server is waited out."""
        options = {key.lower(): value for key, value in self.driver_kwargs.items()}
        if self.uri_mode:
            options = {**_uri_options(self.host), **options}
        return float(options["serverselectiontimeoutms"]) / 1000

    def with_patience(self, seconds: float) -> Connection:
        """The same, for a caller that waits in its own way."""
        kept = {
            key: value
            for key, value in self.mongoclient_kwargs.items()
            if key.lower() != "serverselectiontimeoutms"
        }
        wanted = {**kept, "serverSelectionTimeoutMS": int(seconds * 1000)}
        return self.model_copy(update={"mongoclient_kwargs": wanted})

    def launchpad_dict(self) -> dict[str, Any]:
        """What ``fireworks.LaunchPad.from_dict`` takes. Holds the password in the clear."""
        secret = self.password.get_secret_value() if self.password else None
        return {
            **self.model_dump(exclude={"password", "mongoclient_kwargs"}),
            "authsource": self.authsource or self.name,
            "password": secret,
            "mongoclient_kwargs": self.driver_kwargs,
        }

    @classmethod
    def from_launchpad_file(cls, path: Path) -> Connection:
        """Read ``my_launchpad.yaml`` (or ``.json``).

        A file that every user of the machine can write to is refused, and one with a password
        that every user can read.

        Raises
        ------
        DatabaseError
            No such file, not YAML, a missing, unknown or mistyped key, or an open password.
        """
        data = _read_mapping(path)
        if "host" not in data:
            raise DatabaseError(
                "the key 'host' is missing", where=path, remedy="write `host: localhost`, say"
            )
        if data.get("uri_mode") and not data.get("name"):
            raise DatabaseError(
                "uri_mode needs the key 'name'", where=path, remedy="write `name: al_loop`, say"
            )
        old_tls = sorted(key for key in data if key == "ssl" or key.startswith("ssl_"))
        if old_tls:
            raise DatabaseError(
                f"{', '.join(old_tls)}: FireWorks 2 ignores this, the connection would be open",
                where=path,
                remedy="write `mongoclient_kwargs: {tls: true, tlsCAFile: ...}` instead",
            )
        # FireWorks' defaults, where they differ from al_loop's.
        given = {"name": "fireworks", **{k: v for k, v in data.items() if v is not None}}
        try:
            connection = cls.model_validate(given)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
            )
            raise DatabaseError(
                faults, where=path, remedy="compare with launchpad/my_launchpad.yaml of al_loop"
            ) from None
        if _open_to_all(path, stat.S_IWOTH):
            raise DatabaseError(
                "can be written by every user of this machine, who could send you to another "
                "database and have your jobs run what it says",
                where=path,
                remedy=f"look into it, then: chmod 600 {path}",
            )
        if connection._secrets() and _open_to_all(path, stat.S_IROTH):
            raise DatabaseError(
                "holds a password and can be read by every user of this machine",
                where=path,
                remedy=f"chmod 600 {path}",
            )
        return connection

    def to_launchpad_file(self, path: Path) -> None:
        """Write the file that FireWorks reads: mode 0600, in one step."""
        data = {k: v for k, v in self.launchpad_dict().items() if v not in (None, [])}
        write_private(path, data)


def _uri_options(uri: str) -> dict[str, str]:
    """Options of a connection string, their names in lower case."""
    return {key.lower(): value for key, value in re.findall(r"[?&](\w+)=([^&]*)", uri)}


def write_private(path: Path, data: Mapping[str, Any]) -> None:
    """Write YAML that only its owner can read, in one step."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            os.fchmod(stream.fileno(), 0o600)
            YAML(typ="safe", pure=True).dump(dict(data), stream)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError as error:
        raise DatabaseError(f"cannot be written: {error.strerror}", where=path) from None


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text())
    except FileNotFoundError:
        raise DatabaseError("no such file", where=path) from None
    except OSError as error:
        raise DatabaseError(f"cannot be read: {error.strerror}", where=path) from None
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise DatabaseError(f"this is not YAML{line}", where=path) from None
    if not isinstance(data, dict):
        raise DatabaseError("a mapping of keys is needed", where=path)
    return {str(key): value for key, value in data.items()}


def _open_to_all(path: Path, bit: int) -> bool:
    """Whether any user of the machine can reach the file, and read or write it (``bit``)."""
    path = path.resolve()
    if not path.stat().st_mode & bit:
        return False
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def find_connection(explicit: Path | None, start: Path) -> Connection | None:
    """The database that is configured for work in folder ``start``, or None.

    In this order: ``explicit``; the file named by ``AL_LOOP_LAUNCHPAD``; FireWorks' own
    ``FW_CONFIG_FILE`` (its ``LAUNCHPAD_LOC``, or ``my_launchpad.yaml`` in its
    ``CONFIG_FILE_DIR``); ``my_launchpad.yaml`` in ``start``; ``al-loop-db/my_launchpad.yaml``
    in ``start`` or the nearest folder above.

    Raises
    ------
    DatabaseError
        The file cannot be used; or it was merely found, and belongs to another user.
    """
    if explicit is not None:
        return Connection.from_launchpad_file(explicit)
    if named := os.environ.get("AL_LOOP_LAUNCHPAD"):
        return Connection.from_launchpad_file(Path(named).expanduser())
    if config := os.environ.get("FW_CONFIG_FILE"):
        return _from_fireworks_config(Path(config).expanduser())
    start = start.resolve()
    local = [folder / "al-loop-db" / "my_launchpad.yaml" for folder in (start, *start.parents)]
    for path in (start / "my_launchpad.yaml", *local):
        if path.is_file():
            _refuse_others(path)
            return Connection.from_launchpad_file(path)
    return None


def _refuse_others(path: Path) -> None:
    """A database makes its workers run things: whose it is must not be left to chance.

    In /tmp, say, anybody may leave a file that is found from all folders below.
    """
    owner = path.stat().st_uid
    if owner not in (0, os.getuid()):
        raise DatabaseError(
            f"this file, found on the way up from here, belongs to another user (id {owner})",
            where=path,
            remedy=f"if you trust that user: --launchpad {path}",
        )


def _from_fireworks_config(config: Path) -> Connection:
    data = _read_mapping(config)
    if location := data.get("LAUNCHPAD_LOC"):
        return Connection.from_launchpad_file(Path(location).expanduser())
    path = Path(data.get("CONFIG_FILE_DIR", ".")).expanduser() / "my_launchpad.yaml"
    if not path.is_file():
        raise DatabaseError(
            "names no LAUNCHPAD_LOC, and its CONFIG_FILE_DIR has no my_launchpad.yaml",
            where=config,
            remedy="add `LAUNCHPAD_LOC: /path/to/my_launchpad.yaml`, or unset FW_CONFIG_FILE",
        )
    return Connection.from_launchpad_file(path)
