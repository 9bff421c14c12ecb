"""How a campaign was made, in the words of a supporting information."""

from al_loop.report.methods.text import Methods, methods_of

__all__ = ["Methods", "methods_of"]
