"""Equations: LaTeX to MathML, which browsers draw by themselves, without scripts and fonts."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def render(page: str) -> str:
    """A page's HTML with its equations (of pymdownx.arithmatex) as MathML."""
    page = _BLOCK.sub(lambda found: _mathml(found[1], "block"), page)
    return _INLINE.sub(lambda found: _mathml(found[1], "inline"), page)


def _mathml(escaped: str, display: str) -> str:
    return convert(html.unescape(escaped).strip(), display=display)
