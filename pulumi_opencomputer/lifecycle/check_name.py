"""Check a snapshot's name: the given one, a generated one, or the one that autonaming proposes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Problem
from ..sanitize import clean
from .names import generated_name, name_problem, resource_of
from .types import UNKNOWN, Autonaming, is_unknown

_NAME_IN_CLEAR = (
    "must not be secret: a snapshot's name is its id, which Pulumi and the API show in clear. "
    "Use a plain value, or pulumi.Output.unsecret."
)


def snapshot_problems(inputs: Mapping[str, Any]) -> list[Problem]:
    """Return every mistake in ``name`` and ``adopt``, which only snapshots have."""
    problems = []
    name = inputs.get("name")
    secret_paths = inputs.get("secretPaths", ())
    if isinstance(secret_paths, list | tuple) and "name" in secret_paths:
        problems.append(Problem("name", _NAME_IN_CLEAR))
    elif name is not None and not is_unknown(name) and (problem := name_problem(name)):
        problems.append(problem)
    adopt = inputs.get("adopt", False)
    if not is_unknown(adopt) and not isinstance(adopt, bool):
        problems.append(Problem("adopt", "must be true or false."))
    return problems


def autonaming_problems(autonaming: Autonaming) -> list[Problem]:
    """Return every problem with the name that ``pulumi:autonaming`` proposes because the program gives none."""
    if not autonaming.proposed:
        return [Problem("name", "is required: pulumi:autonaming is disabled for this resource.")]
    problem = name_problem(autonaming.proposed) if autonaming.enforced else None
    return [Problem("name", f"as pulumi:autonaming makes it, {problem.reason}")] if problem else []


def name_taken(other: str) -> Problem:
    """Return the problem that another resource of the same program has the same name.

    Args:
        other: That resource's URN.
    """
    reason = f"is also the name of the resource {resource_of(other)!r} ({other}); give each a name of its own."
    return Problem("name", clean(reason))


def fill_name(urn: str, olds: Mapping[str, Any], inputs: dict[str, Any], autonaming: Autonaming | None) -> None:
    """Put a generated name into the inputs if the program gives none.

    Args:
        urn: The resource's URN.
        olds: The checked inputs of the last deployment.
        inputs: The new ones, with the content hash.
        autonaming: The user's settings for generated names, if any.
    """
    if inputs.get("name") is not None:
        return
    inputs["nameGenerated"] = True
    wanted, key = inputs.get("contentHash"), "contentHash"
    if wanted is None:
        # Only the create learns the content hash of the source snapshot, so its name is used instead.
        wanted, key = inputs.get("sourceSnapshot"), "sourceSnapshot"
    if is_unknown(wanted):
        inputs["name"] = UNKNOWN
    elif olds.get("nameGenerated") and olds.get(key) == wanted and olds.get("name"):
        # The name stays as long as the content does, even after an alias gave the resource another URN.
        inputs["name"] = olds["name"]
    elif autonaming and not name_problem(autonaming.proposed):
        inputs["name"] = autonaming.proposed
    else:
        inputs["name"] = generated_name(urn, str(wanted))
