"""Write the same program for each adapter and language."""

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
    """A reference to another resource of the program, by its name."""

    name: str


@dataclass(frozen=True)
class Code:
    """An option's value as Python source, for options that only Python has."""

    python: str


@dataclass(frozen=True)
class Declared:
    """A resource that the program declares.

    Attributes:
        name: Its name in Pulumi.
        command: The command that its only step runs.
        fixed: The snapshot's fixed name, or None for a generated one.
        kind: ``Snapshot`` or ``Image``.
        options: Its resource options, by their Python names.
        properties: Further properties, such as ``adopt``.
    """

    name: str
    command: str = "make"
    fixed: str | None = None
    kind: str = "Snapshot"
    options: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A kind of program: a column in the documentation's table of features.

    Attributes:
        name: The column's heading.
        adapter: How the engine reaches the provider.
        is_yaml: Whether the program is in YAML.
    """

    name: str
    adapter: Adapter
    is_yaml: bool = False

    def write(self, project: Project, *resources: Declared, head: str = "") -> None:
        """Write a program that declares the resources.

        Args:
            project: The project to write to.
            resources: The resources, in order.
            head: Python code to put before them.
        """
        if self.is_yaml:
            # JSON is valid YAML. It is indented because Pulumi quotes the line of an error.
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
