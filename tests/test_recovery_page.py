"""docs/recovery.md holds the list of faults as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from al_loop.taxonomy import DOUBTS, FINDINGS, GLASS, JOBS, LABELS, TRAINING, WALKERS, Fault

PAGE = Path(__file__).parents[1] / "docs" / "recovery.md"

SECTIONS: dict[str, Sequence[Fault]] = {
    "A frame has no label": LABELS,
    "A label is not believed": DOUBTS,
    "A member of the committee is missing": TRAINING,
    "A walker ended before its time": WALKERS,
    "A job failed": JOBS,
    "A property of a glass has no value": GLASS,
    "The doctor found": FINDINGS,
}


def table(faults: Sequence[Fault]) -> str:
    rows = [f"| `{f.code}` | {f.what} | {f.whose} | {f.remedy} |" for f in faults]
    return "\n".join(["| code | what | whose | what to do |", "|---|---|---|---|", *rows])


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_holds_each_table_as_the_taxonomy_has_it(title: str) -> None:
    """When this fails: put the table that it shows into the page."""
    wanted = f"### {title}\n\n{table(SECTIONS[title])}\n"
    assert wanted in PAGE.read_text()
