"""A frozen DeePMD-kit model in the place of an electronic-structure method: rehearsals."""

from al_loop.label.teacher.labeller import TeacherLabeller
from al_loop.label.teacher.options import TeacherOptions

__all__ = ["TeacherLabeller", "TeacherOptions"]
