"""check: the whole of the inputs validated, the content hash and the name filled in. No API call."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from ..content import content_hash
from ..describe import Secrets
from ..errors import ContentChangedError, LocalFileError, Problem
from ..plan import Plan, examine
from ..text import clean
from ..walk import join
from .names import generated_name, name_problem
from .types import UNKNOWN, Autonaming, Checked, Kind, is_unknown

_INPUTS = ("manifest", "contentHash", "timeout", "urn", "secretPaths")
_DELETED_FIRST = (
    "makes names without a random part, so Pulumi deletes each resource before it builds the next, and a build that "
    "fails leaves none. Keep the safe order for this provider: "
    "pulumi config set --path pulumi:autonaming.providers.opencomputer.mode default"
)
_NAME_IN_CLEAR = (
    "must not be secret: a snapshot's name is its id, which Pulumi and the API show in clear. "
    "Use a plain value, or pulumi.Output.unsecret."
)


class HashMemory:
    """Content hashes by declared manifest and each file's stat, for the life of the process."""

    def __init__(self) -> None:
        self._known: dict[Hashable, str] = {}
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def hash_of(self, plan: Plan) -> str:
        """The content hash of a plan; files are read only where their stat is new."""
        with self._lock:
            computing = self._computing.setdefault(plan.key, threading.Lock())
        # Checks run side by side: the first one reads the files, the others wait for it.
        with computing:
            if plan.key not in self._known:
                self._known[plan.key] = content_hash(plan.image())
            return self._known[plan.key]


def check(
    kind: Kind,
    urn: str,
    olds: Mapping[str, Any],
    news: Mapping[str, Any],
    memory: HashMemory,
    *,
    autonaming: Autonaming | None = None,
) -> Checked:
    """Validate the inputs of one resource.

    Args:
        kind: Which resource.
        urn: Its URN.
        olds: The checked inputs of the last deployment; empty for a new resource.
        news: The program's inputs; parts may be `UNKNOWN`.
        memory: The hashes already computed in this process.
        autonaming: What the user wants of generated names, if anything.
    """
    inputs = {key: value for key, value in news.items() if value is not None}
    examined = examine(_without_nulls(inputs.get("manifest")), is_unknown)
    problems = [*_unknown_inputs(kind, inputs), *examined.problems, *_option_problems(kind, inputs)]
    if kind is Kind.SNAPSHOT and inputs.get("name") is None and autonaming is not None:
        problems += _autonaming_problems(autonaming)
    inputs["manifest"] = examined.checked
    inputs["contentHash"] = UNKNOWN
    if examined.plan is not None and not problems:
        try:
            inputs["contentHash"] = memory.hash_of(examined.plan)
        except (ContentChangedError, LocalFileError) as error:
            problems.append(Problem("manifest", str(error)))
    secrets = Secrets.of_inputs(inputs)
    if problems:
        # Without the unknown hash: outside of a preview the engine refuses it, and would not show the problems.
        return Checked(dict(news), _fit_to_show(problems, secrets))
    if kind is Kind.SNAPSHOT:
        _fill_name(urn, olds, inputs, autonaming)
    warnings = [*_order_warnings(urn, olds, autonaming), *(examined.plan.warnings if examined.plan else ())]
    return Checked(inputs, (), _fit_to_show(warnings, secrets))


def _without_nulls(value: Any) -> Any:
    """What some languages send as null, where a program gives nothing, left out.

    A variable of the environment without a value stays, and is refused: it was meant to have one.
    """
    if isinstance(value, Mapping):
        present = {key: item for key, item in value.items() if item is not None}
        return {key: item if key == "env" else _without_nulls(item) for key, item in present.items()}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value


def _fit_to_show(problems: Iterable[Problem], secrets: Secrets) -> tuple[Problem, ...]:
    """Paths of local files stand in reasons, and may be secret, or hold what the engine takes for a command."""
    return tuple(Problem(clean(path), clean(secrets.scrub(reason))) for path, reason in problems)


def _unknown_inputs(kind: Kind, inputs: Mapping[str, Any]) -> list[Problem]:
    own = ("name", "adopt", "nameGenerated") if kind is Kind.SNAPSHOT else ()
    known = {*_INPUTS, *own, *kind.computed}
    return [Problem(join((key,)), "is not known here; check the spelling.") for key in inputs if key not in known]


def _option_problems(kind: Kind, inputs: Mapping[str, Any]) -> list[Problem]:
    problems = []
    timeout = inputs.get("timeout")
    if timeout is not None and not is_unknown(timeout):
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            problems.append(Problem("timeout", "must be a number of seconds."))
        elif not 0 < timeout <= 7 * 24 * 3600:
            problems.append(Problem("timeout", "must be above zero and at most a week, in seconds."))
    if kind is Kind.SNAPSHOT:
        problems += _snapshot_problems(inputs)
    return problems


def _snapshot_problems(inputs: Mapping[str, Any]) -> list[Problem]:
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


def _autonaming_problems(autonaming: Autonaming) -> list[Problem]:
    if not autonaming.proposed:
        return [Problem("name", "is required: pulumi:autonaming is disabled for this resource.")]
    problem = name_problem(autonaming.proposed) if autonaming.enforced else None
    return [Problem("name", f"as pulumi:autonaming makes it, {problem.reason}")] if problem else []


def _order_warnings(urn: str, olds: Mapping[str, Any], autonaming: Autonaming | None) -> list[Problem]:
    """The engine deletes first wherever its names have no random part, also a resource that has a name of its own."""
    if autonaming is None or autonaming.proposed not in ("", urn.rpartition("::")[2], olds.get("name")):
        return []
    return [Problem("pulumi:autonaming", _DELETED_FIRST)]


def _fill_name(urn: str, olds: Mapping[str, Any], inputs: dict[str, Any], autonaming: Autonaming | None) -> None:
    if inputs.get("name") is not None:
        return
    inputs["nameGenerated"] = True
    wanted = inputs["contentHash"]
    if is_unknown(wanted):
        inputs["name"] = UNKNOWN
    elif olds.get("nameGenerated") and olds.get("contentHash") == wanted and olds.get("name"):
        # The name holds as long as the content does, also after an alias gave the resource another URN.
        inputs["name"] = olds["name"]
    elif autonaming and not name_problem(autonaming.proposed):
        inputs["name"] = autonaming.proposed
    else:
        inputs["name"] = generated_name(urn, wanted)
