"""The types of single values in a manifest, with their checks. Only model.py uses them with pydantic.

No message quotes a value, because any of them may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
# The text that an Output becomes if it is converted to a string, in each of Pulumi's languages.
_OUTPUT_AS_TEXT = re.compile(r"Calling \[?\w+\]? on an \[?Output[\[<]T[\]>]\]? is not supported")
_LARGEST_MEMORY = 1024 * 1024


class Rule:
    """A check in a type's annotation: it returns the value to use, or raises ValueError with the reason."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        self._check = check

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return pydantic's schema for the annotated type. Pydantic calls this method when it builds a model."""
        from pydantic_core import core_schema  # noqa: PLC0415 - a program that only declares resources never loads it

        return core_schema.no_info_after_validator_function(self._check, handler(source))


class Choice:
    """A mark in a type's annotation: the name of one member of a union."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As for `Rule`."""
        from pydantic import Tag  # noqa: PLC0415 - as above

        return Tag(self._name).__get_pydantic_core_schema__(source, handler)


class ChosenBy:
    """A mark in a union's annotation: a function returns the name of the member that a value is meant for."""

    def __init__(self, choose: Callable[[Any], str]) -> None:
        self._choose = choose

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As for `Rule`."""
        from pydantic import Discriminator  # noqa: PLC0415 - as above

        return Discriminator(self._choose).__get_pydantic_core_schema__(source, handler)


class Exact:
    """A mark in a type's annotation: values of other types are refused, not converted."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As for `Rule`."""
        schema: dict[str, Any] = dict(handler(source))
        return cast("CoreSchema", schema | {"strict": True})


class WholeNumber:
    """A mark in a type's annotation: a float without a fraction is an integer. Pulumi passes numbers as floats."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As for `Rule`."""
        from pydantic_core import core_schema  # noqa: PLC0415 - as above

        return core_schema.no_info_before_validator_function(_as_whole, handler(source))


def _as_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a NUL character: the server can't store it.")
    if _OUTPUT_AS_TEXT.search(text):
        raise ValueError(
            "contains Pulumi's message about an Output that was converted to a string: build the text with "
            "pulumi.Output.concat, pulumi.Output.format or apply, not with an f-string, str() or +."
        )
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("must not hold a lone surrogate: the server can't store it.")
    return text


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty.")
    return text


def _some(values: Any) -> Any:
    if not values:
        raise ValueError("must not be empty.")
    return values


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("must be an absolute path inside the sandbox, starting with /.")
    return text


def _relative(text: str) -> str:
    parts = text.split("/")
    if text.startswith("/") or ".." in parts or "." in parts or "" in parts:
        raise ValueError("must be a relative path with no empty, '.' or '..' part.")
    return text


def _variable(text: str) -> str:
    if not _ENV_NAME.match(text):
        raise ValueError("names of variables hold letters, digits, '_', '.' and '-', and don't start with a digit.")
    return text


def _memory(number: int) -> int:
    if number <= 0:
        raise ValueError("must be greater than zero.")
    if number > _LARGEST_MEMORY:
        raise ValueError("is more memory than a machine has; the unit is MB.")
    return number


def _count(number: int) -> int:
    if number < 0:
        raise ValueError("must not be negative.")
    return number


Text = Annotated[str, Exact(), Rule(_storable)]
NonEmptyText = Annotated[Text, Rule(_not_empty)]
RemotePath = Annotated[NonEmptyText, Rule(_absolute)]
EntryPath = Annotated[NonEmptyText, Rule(_relative)]
EnvName = Annotated[Text, Rule(_variable)]
TextList = Annotated[list[NonEmptyText], Exact(), Rule(_some)]
Variables = Annotated[dict[EnvName, Text], Exact(), Rule(_some)]
Megabytes = Annotated[int, Exact(), WholeNumber(), Rule(_memory)]
Count = Annotated[int, Exact(), WholeNumber(), Rule(_count)]


@dataclass(frozen=True, repr=False, eq=False)
class Shape:
    """A base class for mappings with known keys. It has no repr, because any value may be a secret."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid", "hide_input_in_errors": True}


def about(
    description: str,
    *,
    default: Any = ...,
    examples: Sequence[Any] = (),
    alias: str | None = None,
    is_filled_in: bool = False,
) -> Any:
    """Return a dataclass field for a `Shape`, with its documentation for the plugin's schema.

    Args:
        description: Its meaning, in Markdown.
        default: Its value if it is absent; without a default the field is required.
        examples: Example values.
        alias: Its key in the declared form, if that differs from the field's name.
        is_filled_in: Whether the provider fills it in, so that programs never give it.
    """
    metadata: dict[str, Any] = {"description": description}
    more = {"examples": list(examples), "alias": alias, "is_filled_in": is_filled_in}
    metadata |= {key: value for key, value in more.items() if value}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)
