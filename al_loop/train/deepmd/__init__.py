"""DeePMD-kit (TensorFlow back end, se_e2_a), trained in this process."""

from al_loop.train.deepmd.options import DeepmdOptions
from al_loop.train.deepmd.trainer import DeepmdTrainer

__all__ = ["DeepmdOptions", "DeepmdTrainer"]
