"""What must not be read on a page or in a report, whoever wrote it into the database."""

from __future__ import annotations

import re

MASK = "•••"
_LOGIN = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@\"'<>]*):[^\s/@\"'<>]+@")


def hide_logins(text: str) -> str:
    """``text`` with dots for the passwords in addresses (mongodb://name:password@host)."""
    return _LOGIN.sub(rf"\1:{MASK}@", text) if "://" in text else text
