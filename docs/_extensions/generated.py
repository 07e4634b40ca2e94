"""Text of pages that is made of the code: ``<!-- generated: NAME -->`` stands where it goes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_ROOT = Path(__file__).resolve().parents[2]
_SCHEMA = _ROOT / "pulumi_opencomputer" / "plugin" / "schema.json"
_PAGES = _ROOT / "docs"
# The index itself, and what is for a package registry.
_NO_PAGES = ("index", "_index", "installation-configuration")
_MARK = re.compile(r"^<!-- generated: ([\w-]+) -->$", re.MULTILINE)
_MARKS = re.compile(r"^{{% .* %}}\n?", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is parsed."""
    app.connect("source-read", lambda _app, _page, source: _fill(source), priority=100)
    return {"parallel_read_safe": True}


def _fill(source: list[str]) -> None:
    source[0] = _MARK.sub(lambda mark: _MAKERS[mark[1]](), source[0])


def _benchmarks() -> str:
    """The benchmarks' own page, without its title, with links as from here."""
    text = (_ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").partition("\n")[2]
    return re.sub(r"\]\((?!\w+:|#|\.\./)", "](../benchmarks/", text)


def _changelog() -> str:
    text = (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2]
    return re.sub(r"\]\(docs/", "](", text)


def _command_line() -> str:
    """What ``pulumi-opencomputer --help`` says, and what each of its commands does."""
    first = _help()
    texts = [first, *(_help(command) for command in re.findall(r"^    (\w+) ", first, re.MULTILINE))]
    return "\n\n".join(f"```text\n{text}\n```" for text in texts)


def _help(*command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "pulumi_opencomputer.cli", *command, "--help"],
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def _other_pages() -> str:
    """A table of contents of the pages that the index names nowhere, so that none is out of reach."""
    named = (_PAGES / "index.md").read_text(encoding="utf-8").split()
    others = [page for page in sorted(_PAGES.glob("*.md")) if page.stem not in {*named, *_NO_PAGES}]
    if not others:
        return ""
    return "\n".join(["```{toctree}", ":caption: More", ":hidden:", "", *(page.stem for page in others), "```"])


def _schema() -> str:
    """Each resource, function and type of the plugin's schema."""
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    parts = ["## Resources"]
    for token, resource in schema["resources"].items():
        parts += [f"### `{_short(token)}`", _plain(resource["description"])]
        parts += ["Inputs:", _table(resource["inputProperties"], resource.get("requiredInputs", ()))]
        parts += ["Outputs:", _table(resource["properties"])]
    parts.append("## Functions")
    for token, function in schema["functions"].items():
        parts += [f"### `{_short(token)}`", _plain(function["description"])]
        if inputs := function.get("inputs"):
            parts += ["Inputs:", _table(inputs["properties"], inputs.get("required", ()))]
        parts += ["Answer:", _table(function["outputs"]["properties"])]
    parts.append("## Types")
    for token, kind in schema["types"].items():
        parts += [f"### `{_short(token)}`", _plain(kind["description"])]
        parts.append(_table(kind["properties"], kind.get("required", ())))
    provider = schema["provider"]
    parts += ["## The provider", _plain(provider["description"]), _table(provider["inputProperties"])]
    return "\n\n".join(parts)


def _plain(description: str) -> str:
    """A description in Pulumi's Markdown as this site's: examples get a line in place of headings."""
    text = _MARKS.sub("", description).replace("## Example Usage\n", "")
    return re.sub(r"^### (.*)$", r"*\1*", text, flags=re.MULTILINE).strip()


def _table(properties: Mapping[str, Any], required: Any = ()) -> str:
    lines = ["| property | type | meaning |", "| --- | --- | --- |"]
    for name, spec in properties.items():
        needed = ", required" if name in required else ""
        meaning = spec.get("description", "").replace("|", "\\|").replace("\n", " ")
        lines.append(f"| `{name}` | {_type(spec)}{needed} | {meaning} |")
    return "\n".join(lines)


def _type(spec: Mapping[str, Any]) -> str:
    if "oneOf" in spec:
        return " or ".join(_type(each) for each in spec["oneOf"])
    if "$ref" in spec:
        name = _short(spec["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if spec.get("type") == "array":
        return f"list of {_type(spec['items'])}"
    if "additionalProperties" in spec:
        return f"map of {_type(spec['additionalProperties'])}"
    return str(spec.get("type", "any"))


def _short(token: str) -> str:
    return token.rpartition(":")[2]


_MAKERS: Mapping[str, Callable[[], str]] = {
    "benchmarks": _benchmarks,
    "changelog": _changelog,
    "command-line": _command_line,
    "other-pages": _other_pages,
    "schema": _schema,
}
