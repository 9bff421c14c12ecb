"""How numbers and times are written on a page."""

from __future__ import annotations

from datetime import datetime

from flask import Flask
from markupsafe import Markup, escape

from al_loop.report.words import number, seconds


def share(part: float, whole: float) -> str:
    """A part in per cent; a dash of nothing."""
    return f"{part / whole:.0%}" if whole else "–"


def moment(when: datetime | str) -> Markup:
    """A time in UTC; the page's script says how long ago it is."""
    when = datetime.fromisoformat(when) if isinstance(when, str) else when
    text = f"{when:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{when:%Y-%m-%dT%H:%M:%SZ}", text)


def words(text: str) -> Markup:
    """A text of ours, escaped; what stands between backticks is typed by a person."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one of them has no partner
        return escape(text)
    typed = Markup("<code>{}</code>")
    return Markup("").join(typed.format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def amount(value: float | None) -> str:
    """With three significant digits; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def allowed(reference: object) -> str:
    """What a reference of a glass allows."""
    from al_loop.glass.compare.reference import Reference, ReferenceCurve  # slow to import
    from al_loop.glass.compare.report import allowed as said

    return said(reference) if isinstance(reference, Reference | ReferenceCurve) else ""


def short(frame: str) -> str:
    """A frame's hash as people read it."""
    return frame[:10]


def add_filters(app: Flask) -> None:
    """Make these known to the templates."""
    app.jinja_env.filters.update(number=number, moment=moment, seconds=seconds, words=words)
    app.jinja_env.filters.update(short=short, amount=amount, allowed=allowed)
    app.jinja_env.globals.update(share=share)
