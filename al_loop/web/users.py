"""Who may see the pages, and who may act: a file of names, roles and hashed passwords."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.security import check_password_hash, generate_password_hash

from al_loop.errors import UserError
from al_loop.hashing import digest
from al_loop.naming import plain

WebRole = Literal["read", "work"]
"""read: looks; work: pauses, resumes, amends, too."""

_NOBODY = generate_password_hash(secrets.token_hex())
"""What the password of an unknown name is compared with: the answer takes as long."""


class _Account(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    role: WebRole
    password: str = Field(repr=False)
    """Salted hash (scrypt)."""


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_key: str = Field(repr=False)
    """Signs the cookies of those who are signed in."""
    users: dict[str, _Account] = {}


class User(BaseModel):
    """Somebody who is signed in."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: WebRole
    stamp: str = Field(repr=False)
    """Changes with the password: whoever signed in with the old one is signed out."""


class Users:
    """A file that only its owner can read (mode 0600); read again at each request."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def secret_key(self) -> str:
        """Of the site's cookies; made with the file."""
        return self._read().secret_key

    def names(self) -> list[str]:
        """All users, sorted; none when there is no file."""
        return sorted(self._read().users) if self.file.exists() else []

    def get(self, name: str) -> User | None:
        """The user of this name."""
        account = self._read().users.get(name)
        if account is None:
            return None
        return User(name=name, role=account.role, stamp=digest(account.password)[:16])

    def check(self, name: str, password: str) -> User | None:
        """The user, if the password is right."""
        account = self._read().users.get(name)
        good = check_password_hash(account.password if account else _NOBODY, password)
        return self.get(name) if account and good else None

    def add(self, name: str, *, role: WebRole) -> str:
        """Make a user, or give one a new password; the password, which is kept nowhere."""
        plain(name, what="a user")
        content = self._read() if self.file.exists() else _Content(secret_key=secrets.token_hex())
        password = secrets.token_urlsafe(12)
        account = _Account(role=role, password=generate_password_hash(password))
        self._write(content.model_copy(update={"users": {**content.users, name: account}}))
        return password

    def remove(self, name: str) -> bool:
        """Forget a user, who is signed out at once; whether there was one."""
        if name not in self.names():
            return False
        content = self._read()
        left = {key: value for key, value in content.users.items() if key != name}
        self._write(content.model_copy(update={"users": left}))
        return True

    def _read(self) -> _Content:
        try:
            mode = self.file.stat().st_mode
            text = self.file.read_text()
        except OSError as error:
            raise UserError(
                f"the users of the web pages cannot be read: {error.strerror}",
                where=self.file,
                remedy="`al-loop web user add NAME` makes the file",
            ) from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UserError(
                "others can read the users of the web pages",
                where=self.file,
                remedy=f"chmod 600 {self.file}",
            )
        try:
            return _Content.model_validate_json(text)
        except ValidationError:  # its text would quote the file
            raise UserError(
                "this is not a file of users of the web pages",
                where=self.file,
                remedy="move it away; `al-loop web user add NAME` makes a new one",
            ) from None

    def _write(self, content: _Content) -> None:
        new = self.file.with_name(f".{self.file.name}.{secrets.token_hex(4)}")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(content.model_dump_json(indent=2))
        new.replace(self.file)
