"""A linear pair potential: fast, exactly reproducible, a baseline and a stand-in for tests."""

from al_loop.train.linear.options import LinearOptions
from al_loop.train.linear.trainer import LinearTrainer

__all__ = ["LinearOptions", "LinearTrainer"]
