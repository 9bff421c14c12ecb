"""`al-loop web user`: who may look, and who may act."""

from __future__ import annotations

import re
from pathlib import Path

from al_loop.web.users import Users
from tests.cli.conftest import Command


def test_users_are_added_get_new_passwords_and_are_removed(
    al_loop: Command, tmp_path: Path
) -> None:
    users = Users(tmp_path / "al-loop-web.json")
    passwords = []
    for role in ("read", "work"):
        ran = al_loop("web", "user", "add", "ada", "--role", role)
        assert ran.code == 0
        found = re.search(r"password +(\S+)", ran.out)
        assert found is not None
        passwords.append(found[1])
        user = users.check("ada", found[1])
        assert user is not None and user.role == role
    assert users.check("ada", passwords[0]) is None, "the old password still opens"
    assert "removed" in al_loop("web", "user", "remove", "ada").out
    assert "there is no user" in al_loop("web", "user", "remove", "ada").out
    assert users.names() == []


def test_a_role_that_there_is_not_and_a_name_that_is_none_are_refused(
    al_loop: Command, tmp_path: Path
) -> None:
    assert al_loop("web", "user", "add", "ada", "--role", "root").code == 2
    assert al_loop("web", "user", "add", "../ada").code == 2
    assert not (tmp_path / "al-loop-web.json").exists()
