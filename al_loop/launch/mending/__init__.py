"""Mending: everything that can be put right without a person, by anybody, at any time."""

from al_loop.launch.mending.scene import Scene, Suspect
from al_loop.launch.mending.sweep import PATIENCE, Mended, damage, mend

__all__ = ["PATIENCE", "Mended", "Scene", "Suspect", "damage", "mend"]
