"""Write a Pulumi program in YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .resource import ConfigSecret, Resource

_WIDTH = 110
# Text that needs no quotes: no YAML reader takes it for a number, a time or a boolean.
_PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9 _./=<>~+-]*[A-Za-z0-9_./+-])?")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
# In Pulumi's YAML `${` begins a reference and `$$` is an escaped dollar sign, so the first dollar must be doubled.
_REFERENCE = re.compile(r"\$(?=[${])")


def yaml_program(resources: Sequence[Resource], project: str) -> str:
    """Return the text of ``Pulumi.yaml``."""
    keys = [secret.key for resource in resources for secret in resource.secrets]
    program: dict[str, Any] = {"name": project, "runtime": "yaml"}
    program["description"] = "The images and snapshots of an account, as they were when this was generated."
    if keys:
        program["config"] = {key: {"type": "string", "secret": True} for key in keys}
    program["resources"] = {resource.name: _declaration(resource) for resource in resources}
    text: str = yaml.dump(program, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text


def _declaration(resource: Resource) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if resource.kind == "Snapshot":
        properties["name"] = _value(resource.id)
    if resource.is_adopted:
        properties["adopt"] = True
    properties["manifest"] = _value(resource.manifest)
    return {"type": f"opencomputer:{resource.kind}", "properties": properties}


def _value(value: Any) -> Any:
    """Return a value for Pulumi's YAML, with dollar signs escaped where they would begin a reference."""
    if isinstance(value, ConfigSecret):
        return f"${{{value.key}}}"
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, str) and value.startswith("\t") and "\n" in value:
        # Pulumi rewrites the file before it runs it, and then can't read such a text again, however it was quoted.
        rest = value.lstrip("\t")
        return {"fn::join": ["", [value[: -len(rest)], _value(rest)]]}
    return _REFERENCE.sub("$$", value) if isinstance(value, str) else value


class _Dumper(yaml.SafeDumper):
    """A dumper that quotes text that a reader could take for another type, and writes several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write repeated values in full: Pulumi's reader does not support YAML aliases."""
        del data
        return True


def _written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.endswith("="):
        style = None
    else:
        style = "|" if "\n" in text.rstrip("\n") and text.isprintable() is False and _is_readable(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_readable(text: str) -> bool:
    return all(line == line.rstrip() and line.isprintable() for line in text.split("\n")) and not text.startswith(" ")


_Dumper.add_representer(str, _written)
