"""The rules of faults: which requests they apply to, and what they do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

KINDS = (
    "status", "drop", "delay", "hang", "truncate", "malformed", "stale", "record", "stream", "build",
)  # fmt: skip
_READ_ONLY = "ERROR: cannot execute DELETE in a read-only transaction (SQLSTATE 25006)"
_CREATE = {"method": "POST", "path": "/api/snapshots"}
_TOO_LARGE = "<html><head><title>413 Request Entity Too Large</title></head></html>"
NAMED: dict[str, dict[str, Any]] = {
    "read-only-database": {
        "kind": "status", "method": "DELETE", "path": "/api/snapshots/[^/]+", "status": 404, "count": 0,
        "body": json.dumps({"error": _READ_ONLY}),
    },
    "database-down": {"kind": "status", "status": 403, "body": '{"error":"invalid API key"}', "count": 0},
    "no-cell": {
        "kind": "status", "method": "POST|DELETE|PUT|PATCH", "status": 503, "count": 0,
        "body": '{"error":"no cell available to serve request"}',
    },
    "edge-timeout": {**_CREATE, "kind": "status", "status": 524, "body": "error code: 524", "when": "after"},
    "too-large": {**_CREATE, "kind": "status", "status": 413, "body": _TOO_LARGE, "count": 0},
    "failing-builds": {"kind": "build", "outcome": "fail", "count": 0},
    "blocked-builds": {"kind": "build", "outcome": "blocked", "count": 0},
    "slow-builds": {"kind": "build", "seconds": 30.0, "count": 0},
}  # fmt: skip


class RuleError(ValueError):
    """A rule is invalid; the text says why."""


@dataclass
class Rule:
    """One fault, with the number of matching requests and of uses. The package's docstring documents the fields."""

    kind: str
    method: str = ".*"
    path: str = "/api/.*"
    nth: int = 1
    count: int = 1
    when: str = "before"
    event: int = 0
    cut: str = "before"
    unseen: bool = False
    byte: int | None = None
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"error": "a fault"}'
    seconds: float = 0.0
    set: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    where: dict[str, Any] = field(default_factory=dict)
    bom: bool = False
    unterminated: bool = False
    lines: list[Any] = field(default_factory=list)
    repeat: int = 1
    error: str | None = None
    error_bytes: int = 0
    contains: str = ""
    outcome: str = ""
    step: int = 0
    exit: int = 1
    stderr: str = "E: a fault"
    output: list[str] = field(default_factory=list)
    met: int = 0
    applied: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Count a request if it matches, and tell whether to apply the rule to it."""
        if self.kind == "build" or not (re.fullmatch(self.method, method) and re.fullmatch(self.path, path)):
            return False
        return self._is_due()

    def matches_build(self, read_manifest: Callable[[], bytes]) -> bool:
        """Count a build if it matches, and tell whether to apply the rule to it."""
        if self.kind != "build" or (self.contains and self.contains.encode() not in read_manifest()):
            return False
        return self._is_due()

    def told(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, and how often the rule was met and applied."""
        said = {each.name: getattr(self, each.name) for each in fields(self) if each.name in _PLAIN}
        changed = {name: value for name, value in said.items() if value != _PLAIN[name]}
        return {"kind": self.kind, **changed, "met": self.met, "applied": self.applied}

    def _is_due(self) -> bool:
        self.met += 1
        due = self.met >= self.nth and (self.count == 0 or self.met < self.nth + self.count)
        self.applied += due
        return due


_PLAIN = {each.name: getattr(Rule("status"), each.name) for each in fields(Rule)[1:-2]}
_FLAGS = ("unseen", "bom", "unterminated")
_WHOLE = ("nth", "count", "event", "byte", "status", "repeat", "error_bytes", "step", "exit")
_LISTS = ("remove", "lines", "output")
_OBJECTS = ("set", "where")


def parse_rules(value: Any) -> list[Rule]:
    """Parse a rule or a list of rules from JSON values.

    Raises:
        RuleError: A rule is invalid.
    """
    return [parse_rule(each) for each in (value if isinstance(value, list) else [value])]


def parse_rule(value: Any) -> Rule:
    """Parse a rule: a JSON object, or the name of a predefined rule.

    Raises:
        RuleError: The rule is invalid.
    """
    if isinstance(value, str):
        if value not in NAMED:
            raise RuleError(f"there is no fault named {value!r}; there are {', '.join(NAMED)}")
        value = NAMED[value]
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise RuleError(f"a fault must be a JSON object whose kind is one of {', '.join(KINDS)}")
    for name, given in value.items():
        _check(name, given)
    return Rule(**value)


def parse_text(text: str) -> Rule:
    """Parse a rule from the command line.

    Raises:
        RuleError: The rule is invalid.
    """
    if not text.startswith("{"):
        return parse_rule(text)
    try:
        return parse_rule(json.loads(text))
    except json.JSONDecodeError as error:
        raise RuleError(f"a fault that begins with {{ must be valid JSON: {error}") from None


def _check(name: str, value: Any) -> None:
    if name == "kind":
        return
    if name not in _PLAIN:
        raise RuleError(f"a fault has no field {name!r}")
    if not _fits(name, value):
        raise RuleError(f"the fault's field {name!r} has an invalid value: {value!r}")


def _fits(name: str, value: Any) -> bool:
    if name in _FLAGS:
        return isinstance(value, bool)
    if name in _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if name == "seconds":
        return isinstance(value, (int, float)) and value >= 0
    if name in _LISTS:
        return isinstance(value, list)
    if name == "headers":
        return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    if name in _OBJECTS:
        return isinstance(value, dict)
    choices = {"when": ("before", "after"), "cut": ("before", "in", "after"), "outcome": ("", "fail", "blocked")}
    return (
        isinstance(value, str) and value in choices.get(name, (value,)) and (name not in _PATTERNS or _is_regex(value))
    )


_PATTERNS = ("method", "path")


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
