"""The selector keeps its contract."""

from __future__ import annotations

from al_loop.select import choose_batch, classify, make_filter

from .contract import SelectorContract


class TestSelector(SelectorContract):
    classify = staticmethod(classify)
    make_filter = staticmethod(make_filter)
    choose_batch = staticmethod(choose_batch)
