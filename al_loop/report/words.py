"""How numbers and times are written in a report, some of them on the pages of the site, too."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from al_loop.report.uncertainty import Interval


def number(value: float | None, digits: int = 3) -> str:
    """With this many decimals; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def share(part: float, whole: float = 1.0) -> str:
    """A part in per cent, to three digits: 99.5 % is not 100 %; a dash of nothing."""
    return f"{100 * part / whole:.3g} %" if whole else "–"


def interval(one: Interval | None, digits: int = 3) -> Markup:
    """A value, and below it its interval and spread: ``0.315 [0.280, 0.351] ±0.021``."""
    if one is None:
        return Markup("–")
    known = []
    if one.low is not None and one.high is not None:
        known.append(f"[{one.low:.{digits}f}, {one.high:.{digits}f}]")
    if one.spread is not None:
        known.append(f"±{one.spread:.{digits}f}")
    below = Markup("<br><small>{}</small>").format(" ".join(known)) if known else ""
    return Markup("{}{}").format(f"{one.value:.{digits}f}", below)


def moment(when: datetime) -> str:
    """A time in UTC."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def hours(seconds: float) -> str:
    """Hours, with more digits where there are few."""
    value = seconds / 3600
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def seconds(value: float) -> str:
    """A time span in the unit that suits it."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if value >= 2 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.1f} s"
