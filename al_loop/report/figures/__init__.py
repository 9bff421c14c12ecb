"""Figures of a campaign for a paper, by kind."""

from al_loop.report.figures.kinds import KINDS, Kind, draw, kind_of, write_figures

__all__ = ["KINDS", "Kind", "draw", "kind_of", "write_figures"]
