"""The model that validates the declared form, made from the kinds of steps.

Inputs, state, error paths and schema all use this form: ``{base, steps, builderMemoryMB?, runtimeMemoryMB?,
rebuild?}``, each step a mapping with one key. The model sees plain values only.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from ..errors import Problem
from .problems import ONE_KEY, problems_of
from .steps import KINDS, Step
from .values import Megabytes, NonEmptyText


def _step_key(step: Any) -> str | None:
    if isinstance(step, dict) and len(step) == 1:
        (key,) = step
        return key if key in KINDS else None
    return step.key if isinstance(step, Step) else None


_STEPS: Any = reduce(or_, (Annotated[kind, Tag(kind.key)] for kind in KINDS.values()))
AnyStep: TypeAlias = Annotated[_STEPS, Discriminator(_step_key, custom_error_type="step", custom_error_message=ONE_KEY)]


class ManifestModel(BaseModel):
    """What an image is made of: a base, and the steps that are run on it in order."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    base: NonEmptyText = Field(
        "base",
        description="The name of the base; `base` by default, Ubuntu 22.04 with Python, Node.js and build tools.",
    )
    steps: list[AnyStep] = Field(
        default_factory=list,
        description="What is done on the base, in order, each step with exactly one key.",
        examples=[[{"aptInstall": ["jq"]}, {"workdir": "/workspace"}]],
    )
    builder_memory_mb: Megabytes | None = Field(
        None,
        alias="builderMemoryMB",
        description="Memory of the build sandbox in MB. It is not part of the content.",
        examples=[4096],
    )
    runtime_memory_mb: Megabytes | None = Field(
        None,
        alias="runtimeMemoryMB",
        description="Memory of the sandboxes that start from the image, in MB. It is not part of the content.",
        examples=[2048],
    )
    rebuild: NonEmptyText | None = Field(
        None, description="Any text. Change it to build the same steps afresh.", examples=["2026-08-01"]
    )

    @model_validator(mode="after")
    def _rebuild_has_a_step(self) -> ManifestModel:
        if self.rebuild is not None and not self.steps:
            raise ValueError("rebuild needs a step: an image without steps is the base itself.")
        return self


def parse(declared: Any) -> tuple[ManifestModel | None, list[Problem]]:
    """Validate a manifest in the declared form.

    Args:
        declared: Plain values, as JSON gives them.

    Returns:
        The model and no problems; or None and every mistake, in the manifest's order.
    """
    try:
        return ManifestModel.model_validate(declared), []
    except ValidationError as error:
        return None, list(problems_of(declared, error))
