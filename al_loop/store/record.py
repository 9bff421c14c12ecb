"""What all records have in common: frozen models, times in UTC, texts of bounded length."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

_LONGEST_TEXT = 20_000


def now() -> datetime:
    """The time, UTC, to the millisecond that MongoDB keeps."""
    return _to_milliseconds(datetime.now(timezone.utc))


def _to_milliseconds(when: datetime) -> datetime:
    when = when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when
    when = when.astimezone(timezone.utc)
    return when.replace(microsecond=when.microsecond // 1000 * 1000)


def clip(text: str) -> str:
    """``text``, its middle left out when it is too long for a document."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


When = Annotated[datetime, AfterValidator(_to_milliseconds)]
"""A time: UTC, to the millisecond; a naive one is taken as UTC."""

Text = Annotated[str, AfterValidator(clip)]
"""A text for a person; the middle of a very long one is left out."""


class Record(BaseModel):
    """Base of the records: frozen. A key that a later version wrote is ignored on reading."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_document(self) -> dict[str, Any]:
        """What goes to MongoDB, without ``_id``."""
        return self.model_dump(mode="python")
