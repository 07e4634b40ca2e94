"""Convert the engine's property values into plain ones and back: secrets, unknowns, and unusable values.

The lifecycle sees plain values, `UNKNOWN`, and the paths of secret values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.asset import Archive, Asset
from pulumi.provider.experimental.property_value import PropertyValue, ResourceReference
from pulumi.runtime.rpc import UNKNOWN as WIRE_UNKNOWN

from ..errors import InvalidInputError, Problem
from ..lifecycle import UNKNOWN, is_unknown
from ..manifest.paths import Path, join
from ..sanitize import UNKNOWN_MARKS

_ASSET = "can't be an asset or an archive: give the path of a local file or directory in source instead."
_RESOURCE = "can't be a resource: refer to one of its outputs, such as manifest of an Image."


@dataclass(frozen=True)
class Received:
    """Properties in the form that the lifecycle takes.

    Attributes:
        values: Plain values; `UNKNOWN` for one that is not known yet.
        secrets: The paths of secret values, such as ``manifest.steps[0].env.TOKEN``. Each covers everything below it.
        problems: Values that can't be used; they are None in `values`.
    """

    values: dict[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def raise_if_invalid(self) -> Received:
        """Return this object, or raise if it has problems.

        Raises:
            InvalidInputError: A value can't be used.
        """
        if self.problems:
            raise InvalidInputError(self.problems)
        return self


def receive(properties: Mapping[str, PropertyValue]) -> Received:
    """Convert the engine's values into plain ones."""
    reader = _Reader()
    values = {key: reader.read(value, (key,)) for key, value in properties.items()}
    # Sorted, because the order of keys on the wire is arbitrary.
    return Received(values, tuple(sorted(reader.secrets)), tuple(sorted(reader.problems)))


class _Reader:
    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.problems: list[Problem] = []

    def read(self, given: PropertyValue, path: Path) -> Any:
        if given.is_secret:
            self.secrets.append(join(path))
        value = given.value
        if isinstance(value, Asset | Archive):
            return self._refuse(path, _ASSET)
        if isinstance(value, ResourceReference):
            return self._refuse(path, _RESOURCE)
        if isinstance(value, str):
            return UNKNOWN if value in UNKNOWN_MARKS else value
        if isinstance(value, Mapping):
            return {key: self.read(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.read(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _refuse(self, path: Path, reason: str) -> None:
        self.problems.append(Problem(join(path), reason))


def send(values: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, PropertyValue]:
    """Convert plain values into the engine's.

    Args:
        values: Plain values and `UNKNOWN`.
        secrets: The paths of values to mark as secret.
    """
    return {key: _write(value, (key,), frozenset(secrets)) for key, value in values.items()}


def _write(value: Any, path: Path, secrets: frozenset[str]) -> PropertyValue:
    return PropertyValue(_written(value, path, secrets), is_secret=join(path) in secrets)


def _written(value: Any, path: Path, secrets: frozenset[str]) -> Any:
    if is_unknown(value):
        return WIRE_UNKNOWN
    if isinstance(value, Mapping):
        return {key: _write(item, (*path, key), secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_write(item, (*path, index), secrets) for index, item in enumerate(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
