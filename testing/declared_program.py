"""One program, written for each way in which a program reaches the provider."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters import DYNAMIC, PLUGIN, Adapter
from project import Project


@dataclass(frozen=True)
class Ref:
    """Another resource of the program, by its name."""

    name: str


@dataclass(frozen=True)
class Code:
    """A value of an option that only Python can write."""

    python: str


@dataclass(frozen=True)
class Declared:
    """A resource.

    Attributes:
        name: Its name in Pulumi.
        command: What its only step runs.
        fixed: The snapshot's name, or None for a generated one.
        kind: ``Snapshot`` or ``Image``.
        options: Its resource options, under their names in Python.
        properties: Further properties, as ``adopt``.
    """

    name: str
    command: str = "make"
    fixed: str | None = None
    kind: str = "Snapshot"
    options: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A way to write a program.

    Attributes:
        name: What the table calls it.
        adapter: How the engine reaches the provider.
        is_yaml: Whether the program is YAML.
    """

    name: str
    adapter: Adapter
    is_yaml: bool = False

    def write(self, project: Project, *resources: Declared, head: str = "") -> None:
        """Write a program that declares the resources.

        Args:
            project: Where.
            resources: In their order.
            head: Python in front of them.
        """
        if self.is_yaml:
            # JSON is YAML; Pulumi quotes a line of it with an error.
            project.yaml("resources: " + json.dumps(dict(map(_in_yaml, resources)), indent=1) + "\n")
        else:
            project.program("\n".join([head, *map(_in_python, resources), ""]))


COLUMNS = (
    Column("dynamic", DYNAMIC),
    Column("python", PLUGIN),
    Column("yaml", PLUGIN, is_yaml=True),
)


def _in_python(declared: Declared) -> str:
    arguments = {"name": declared.fixed, **declared.properties} if declared.kind == "Snapshot" else declared.properties
    given = "".join(f", {key}={value!r}" for key, value in arguments.items() if value is not None)
    options = ", ".join(f"{key}={_python_value(key, value)}" for key, value in declared.options.items())
    manifest = f"Manifest.base().run_commands({declared.command!r})"
    return (
        f"{_variable(declared.name)} = {declared.kind}({declared.name!r}, {manifest}{given}, "
        f"opts=pulumi.ResourceOptions({options}))"
    )


def _python_value(key: str, value: Any) -> str:
    if isinstance(value, Code):
        return value.python
    if isinstance(value, Ref):
        return _variable(value.name)
    if isinstance(value, list):
        return "[" + ", ".join(_python_value("", item) for item in value) + "]"
    return f"pulumi.CustomTimeouts(**{value!r})" if key == "custom_timeouts" else repr(value)


def _variable(name: str) -> str:
    return name.replace("-", "_")


def _in_yaml(declared: Declared) -> tuple[str, dict[str, Any]]:
    properties: dict[str, Any] = {"manifest": {"steps": [{"run": [declared.command]}]}, **declared.properties}
    if declared.fixed is not None:
        properties["name"] = declared.fixed
    options = {_camel(key): _yaml_value(value) for key, value in declared.options.items()}
    entry = {"type": f"opencomputer:{declared.kind}", "properties": properties, "options": options}
    return declared.name, entry


def _yaml_value(value: Any) -> Any:
    if isinstance(value, Ref):
        return f"${{{value.name}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_yaml_value(item) for item in value]
    return value


def _camel(key: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), key).rstrip("_")
