"""Base of all options: frozen, finite, and strict about keys."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError
from pydantic import model_validator as _model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError


class StrictModel(BaseModel):
    """A frozen model that says, for a key it does not know, which one was probably meant."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    @_model_validator(mode="wrap")
    @classmethod
    def _explain_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                cls.__name__, [cls._explained(one) for one in error.errors()]
            ) from None

    @classmethod
    def _explained(cls, error: ErrorDetails) -> InitErrorDetails:
        """The same error with a message for a person."""
        kind, message = error["type"], error["msg"].removeprefix("Value error, ")
        if kind == "missing":
            kind, message = "needed_key", "this key is needed"
        elif kind == "extra_forbidden":  # reached here only by the model that was given the key
            names = [field.alias or name for name, field in cls.model_fields.items()]
            kind, message = "unknown_key", f"unknown key; {meant(str(error['loc'][-1]), names)}"
        return InitErrorDetails(
            type=PydanticCustomError(kind, message),
            loc=error["loc"],
            input=error["input"],
        )


def meant(word: str, known: list[str]) -> str:
    """``did you mean 'x'?``, or what there is when nothing comes close."""
    if close := difflib.get_close_matches(word, known, n=1):
        return f"did you mean {close[0]!r}?"
    return f"known here: {', '.join(known)}" if known else "nothing can be set here"
