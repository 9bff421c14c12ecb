"""Names and seeds that can be computed again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_loop.hashing import canonical_json, derive_seed, digest, file_digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_digest_survives_json(value: object) -> None:
    assert digest(json.loads(json.dumps(value))) == digest(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_digest_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_digest_tells_values_apart() -> None:
    distinct = [None, 0, 0.5, "0", [], {}, [0], {"0": 0}, True, "None", [[0]], [0, 0]]
    assert len({digest(value) for value in distinct}) == len(distinct)


def test_digest_is_sha256_of_the_text() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"\\u00e9","b":[1,2.5]}'
    text = b'{"a":"\\u00e9","b":[1,2.5]}'
    assert digest({"b": [1, 2.5], "a": "é"}) == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf")}])
def test_what_json_cannot_say_has_no_digest(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest(value)


def test_file_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000  # more than one block
    (tmp_path / "f").write_bytes(data)
    assert file_digest(tmp_path / "f") == hashlib.sha256(data).hexdigest()


@given(st.lists(st.text() | st.integers(), max_size=5))
def test_seeds_fit_every_engine_and_come_again(parts: list[str | int]) -> None:
    seed = derive_seed(*parts)
    assert 1 <= seed <= 2**31 - 1
    assert derive_seed(*parts) == seed


def test_seeds_differ_with_every_part() -> None:
    drawn = {derive_seed(campaign, "walker", i) for campaign in range(100) for i in range(100)}
    assert len(drawn) >= 10_000 - 1  # a birthday collision among 2**31 is a matter of 2 %
    assert derive_seed("a", "b") != derive_seed("ab")
    assert derive_seed(1) != derive_seed("1")


def test_seeds_stay_what_they_were() -> None:
    """A campaign that is continued by a later version draws the same numbers."""
    raw = hashlib.sha256(b'[1,"train",0]').digest()
    assert derive_seed(1, "train", 0) == int.from_bytes(raw[:8], "big") % (2**31 - 1) + 1
