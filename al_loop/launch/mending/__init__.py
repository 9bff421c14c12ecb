"""Mending: everything that can be put right without a person, by anybody, at any time."""

from al_loop.launch.mending.scene import Scene, Suspect
from al_loop.launch.mending.sweep import Mended, damage, mend

__all__ = ["Mended", "Scene", "Suspect", "damage", "mend"]
