"""Write a Python program that uses the plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .names import identifier
from .resource import ConfigSecret, Resource

_WIDTH = 110
_INDENT = "    "
_CALLS_ON_A_LINE = 3
_ESCAPED = {'"': '\\"', "'": "'"}


def python_program(resources: Sequence[Resource]) -> str:
    """Return the program's source code."""
    kinds = ", ".join(sorted({"Manifest", *(resource.kind for resource in resources)}))
    body = "\n".join(_declaration(resource) for resource in resources)
    has_secrets = any(resource.secrets for resource in resources)
    lines = [
        '"""The images and snapshots of an account, as they were when this was generated."""',
        "",
        *(["import base64", ""] if "base64.b64decode(" in body else []),
        "import pulumi",
        f"from pulumi_opencomputer.native import {kinds}",
        "",
        *(["config = pulumi.Config()", ""] if has_secrets else []),
        body,
    ]
    return "\n".join(lines)


def _declaration(resource: Resource) -> str:
    variable = identifier(resource.name)
    arguments = [_literal(resource.name), _manifest(resource.manifest, 1)]
    if resource.kind == "Snapshot":
        arguments.append(f"name={_literal(resource.id)}")
    if resource.is_adopted:
        arguments.append("adopt=True")
    body = "".join(f"{_INDENT}{argument},\n" for argument in arguments)
    return f"{variable} = {resource.kind}(\n{body})\n"


def _manifest(manifest: Mapping[str, Any], depth: int) -> str:
    calls = _calls(manifest)
    if calls is None:
        # The builder has no method for some steps, such as an inline directory; write those as plain dictionaries.
        return _value(manifest, depth)
    pad = _INDENT * depth
    line = f"Manifest{''.join(calls)}"
    if len(calls) <= _CALLS_ON_A_LINE and len(line) + len(pad) < _WIDTH and "\n" not in line:
        return line
    return "\n".join([f"Manifest{calls[0]}", *(f"{pad}{call}" for call in calls[1:])])


def _calls(manifest: Mapping[str, Any]) -> list[str] | None:
    """Return the builder calls that produce exactly this manifest, or None if no calls do."""
    if set(manifest) - {"base", "steps", "builderMemoryMB", "runtimeMemoryMB", "rebuild"}:
        return None
    if "base" not in manifest or "steps" not in manifest:
        return None
    calls = [f".base({'' if manifest['base'] == 'base' else _value(manifest['base'], 2)})"]
    for step in manifest["steps"]:
        call = _call(step)
        if call is None:
            return None
        calls.append(call)
    for key, method in (("builderMemoryMB", "builder_memory"), ("runtimeMemoryMB", "runtime_memory")):
        if key in manifest:
            calls.append(f".{method}({manifest[key]!r})")
    if "rebuild" in manifest:
        calls.append(f".rebuild({_value(manifest['rebuild'], 2)})")
    return calls


def _call(step: Mapping[str, Any]) -> str | None:
    match step:
        case {"aptInstall": packages}:
            return f".apt_install({_value(packages, 2)})"
        case {"pipInstall": packages}:
            return f".pip_install({_value(packages, 2)})"
        case {"run": commands}:
            return f".run_commands({_listed([_value(each, 3) for each in commands], '', '', 2)})"
        case {"env": variables}:
            return f".env({_value(variables, 2)})"
        case {"workdir": path}:
            return f".workdir({_value(path, 2)})"
        case {"addFile": {"source": source, "path": path}}:
            return f".add_local_file({_literal(source)}, {_literal(path)})"
        case {"addDir": {"source": source, "path": path}}:
            return f".add_local_dir({_literal(source)}, {_literal(path)})"
        case {"addFile": {"path": path, "content": str(content), "encoding": _}}:
            return f".add_file({_literal(path)}, base64.b64decode({_literal(content)}))"
        case {"addFile": {"path": path, "content": content}} if len(step["addFile"]) == 2:
            return f".add_file({_literal(path)}, {_value(content, 2)})"
    return None


def _value(value: Any, depth: int) -> str:
    """Return a value as Python source, split over several lines if it doesn't fit on one."""
    if isinstance(value, ConfigSecret):
        return f"config.require_secret({_literal(value.key)})"
    if isinstance(value, Mapping):
        items = [f"{_literal(key)}: {_value(item, depth + 1)}" for key, item in value.items()]
        return _listed(items, "{", "}", depth)
    if isinstance(value, list | tuple):
        return _listed([_value(item, depth + 1) for item in value], "[", "]", depth)
    return _text(value, depth) if isinstance(value, str) else repr(value)


def _listed(items: Sequence[str], opening: str, closing: str, depth: int) -> str:
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) + len(_INDENT) * depth <= _WIDTH - 20 and "\n" not in line:
        return line
    pad = _INDENT * (depth + 1 if opening else depth)
    body = "".join(f"\n{pad}{item}," for item in items)
    return f"{opening}{body}\n{_INDENT * (depth if opening else depth - 1)}{closing}"


def _text(text: str, depth: int) -> str:
    lines = text.splitlines(keepends=True)
    if len(lines) < 2 or "".join(lines) != text:
        return _literal(text)
    pad = _INDENT * (depth + 1)
    return "(" + "".join(f"\n{pad}{_literal(line)}" for line in lines) + f"\n{_INDENT * depth})"


def _literal(text: str) -> str:
    """Return a Python string literal in double quotes, as formatters write it."""
    return '"' + "".join(_ESCAPED.get(letter) or repr(letter)[1:-1] for letter in text) + '"'
