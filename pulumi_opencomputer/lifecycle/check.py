"""Check: validate all inputs, fill in the content hash and the name. No API call.

The deployment that recorded a manifest validated and hashed it, and the server built it under that hash. So a
manifest that equals the recorded one and names no local files keeps the recorded hash: when nothing changed, the
models are not loaded and nothing is validated again. (If the hash function ever changes, the inputs must record which
one was used, and hashes of another one must not be reused.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..errors import ContentChangedError, LocalFileError, Problem
from ..manifest.paths import join
from ..sanitize import clean
from .types import UNKNOWN, Autonaming, Checked, is_unknown

if TYPE_CHECKING:
    from ..content.hashing import Hashed

_DELETED_FIRST = (
    "makes names without a random part, so Pulumi deletes each resource before it builds the replacement, and if that "
    "build fails, there is no snapshot left. Keep the safe order for this provider: "
    "pulumi config set --path pulumi:autonaming.providers.opencomputer.mode default"
)


_OTHER_FILES = (
    "is a recorded manifest (kept by ignore_changes, here or on the Image that it comes from), and its local files "
    "have changed or vanished since. Remove ignore_changes, or restore the files."
)

# A key that a check adds to each step that names local files.
_COUNT = "bytes"


class HashMemory:
    """Content hashes and digests of local files, kept for the life of the process."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Hashed] = {}
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def hash_of(self, key: Hashable, compute: Callable[[], Hashed]) -> Hashed:
        """Return the hash stored under a key, or compute and store it.

        Args:
            key: Equal only for equal content. A manifest's key includes the stat of each local file.
            compute: Computes the hash, which reads the local files.
        """
        with self._lock:
            computing = self._computing.setdefault(key, threading.Lock())
        # Checks run in parallel: the first one reads the files, and the others wait for it.
        with computing:
            if key not in self._known:
                self._known[key] = compute()
            return self._known[key]


class _Contents(NamedTuple):
    """What a check finds out about a manifest. The content hash is computed on demand.

    Attributes:
        manifest: The manifest, as far as it is known without reading files.
        settle: Returns the manifest as the state records it, and its content hash.
    """

    manifest: Any
    settle: Callable[[], tuple[Any, Any]]
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()


class Rules(Protocol):
    """What a resource kind adds to the check of its inputs."""

    @property
    def inputs(self) -> Collection[str]:
        """Every accepted input, including those that only this package sets."""

    def problems(self, inputs: Mapping[str, Any], autonaming: Autonaming | None, /) -> list[Problem]:
        """Every mistake in the kind's own inputs."""

    def fill_in(
        self, urn: str, olds: Mapping[str, Any], inputs: dict[str, Any], autonaming: Autonaming | None, /
    ) -> list[Problem]:
        """Fill in what the program left out. The content hash is already there. Return every mistake found."""


def check(
    rules: Rules,
    urn: str,
    olds: Mapping[str, Any],
    news: Mapping[str, Any],
    memory: HashMemory,
    *,
    autonaming: Autonaming | None = None,
    from_record: bool = False,
) -> Checked:
    """Validate the inputs of one resource.

    Args:
        rules: The rules of its kind.
        urn: Its URN.
        olds: The checked inputs of the last deployment; empty for a new resource.
        news: The program's inputs; parts may be `UNKNOWN`.
        memory: The hashes already computed in this process.
        autonaming: The user's settings for generated names, if any.
        from_record: Whether the manifest comes from a record of the server; it then keeps its wording and its hash.

    Returns:
        The completed inputs and the warnings; or the inputs as they were given, and every problem.
    """
    inputs = {key: value for key, value in news.items() if value is not None}
    manifest = _without_nulls(inputs.get("manifest"))
    if inputs.get("sourceSnapshot") is not None and "sourceSnapshot" in rules.inputs:
        contents = _named(manifest, inputs)
    else:
        contents = _recorded(olds) if _is_recorded(manifest, olds) else _examined(manifest, memory, from_record)
    problems = [
        *_unknown_inputs(rules.inputs, inputs),
        *contents.problems,
        *_timeout_problems(inputs.get("timeout")),
        *rules.problems(inputs, autonaming),
    ]
    inputs["manifest"] = contents.manifest
    if not problems:
        try:
            inputs["manifest"], inputs["contentHash"] = contents.settle()
            problems += _other_files(manifest, inputs["manifest"])
            inputs = {key: value for key, value in inputs.items() if value is not None}
        except (ContentChangedError, LocalFileError) as error:
            problems.append(Problem("manifest", str(error)))
    if problems:
        # Return the inputs without an unknown hash: outside of previews the engine refuses that, and would not show
        # the problems.
        return Checked(dict(news), _fit_to_show(problems, inputs))
    if problems := rules.fill_in(urn, olds, inputs, autonaming):
        return Checked(dict(news), _fit_to_show(problems, inputs))
    warnings = [*_order_warnings(urn, olds, autonaming), *contents.warnings]
    return Checked(inputs, (), _fit_to_show(warnings, inputs))


def _is_recorded(manifest: Any, olds: Mapping[str, Any]) -> bool:
    """Tell whether a manifest equals the recorded one, so that its hash is known without reading local files.

    A program gives only the path of local files, and a check adds their number and size. If a manifest already has
    these, it comes from the state (``ignore_changes``) or from an image's output.
    """
    same = isinstance(manifest, Mapping) and manifest == olds.get("manifest") and bool(olds.get("contentHash"))
    return same and all(_COUNT in body for body in _local_bodies(manifest))


def _local_bodies(manifest: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the value of each step that names local files."""
    steps = manifest.get("steps") if isinstance(manifest, Mapping) else None
    for step in steps if isinstance(steps, list | tuple) else ():
        for body in step.values() if isinstance(step, Mapping) else ():
            if isinstance(body, Mapping) and "source" in body:
                yield body


def _recorded(olds: Mapping[str, Any]) -> _Contents:
    return _Contents(olds["manifest"], lambda: (olds["manifest"], olds["contentHash"]))


def _named(manifest: Any, inputs: Mapping[str, Any]) -> _Contents:
    """Take the content of another snapshot; its hash is known only if the program gives it."""
    return _Contents(manifest, lambda: (None, inputs.get("sourceHash")))


def _examined(manifest: Any, memory: HashMemory, from_record: bool) -> _Contents:
    from ..manifest.prepared import examine, with_digests  # noqa: PLC0415 - imports pydantic, which is slow

    examined = examine(manifest, is_unknown, verbatim=from_record)
    prepared = examined.prepared
    if prepared is None:
        return _Contents(examined.checked, lambda: (examined.checked, UNKNOWN), examined.problems)

    def settle() -> tuple[Any, str]:
        found = memory.hash_of(prepared.key, prepared.hashed)
        return with_digests(examined.checked, found.digests), found.content_hash

    return _Contents(examined.checked, settle, warnings=prepared.warnings)


def _other_files(given: Any, found: Any) -> list[Problem]:
    """Return a problem if the local files of an already checked manifest have changed since."""
    for ours, theirs in zip(_local_bodies(given), _local_bodies(found), strict=True):
        if any(ours[key] != theirs[key] for key in ours.keys() & theirs.keys()):
            return [Problem("manifest", _OTHER_FILES)]
    return []


def _without_nulls(value: Any) -> Any:
    """Remove nulls, which some languages send for values that a program does not give.

    A null environment variable stays, so that it is refused: it was meant to have a value.
    """
    if isinstance(value, Mapping):
        present = {key: item for key, item in value.items() if item is not None}
        return {key: item if key == "env" else _without_nulls(item) for key, item in present.items()}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value


def _fit_to_show(problems: Iterable[Problem], inputs: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Redact secrets in problems, and remove what a terminal or the engine would take for a command."""
    if not problems:
        return ()
    from ..manifest.secrets import Secrets  # noqa: PLC0415 - most checks have no problems to show

    secrets = Secrets.of_inputs(inputs)
    told = list(problems)
    reasons = secrets.scrub_all([reason for _, reason in told])
    return tuple(Problem(clean(path), clean(reason)) for (path, _), reason in zip(told, reasons, strict=True))


def _unknown_inputs(known: Collection[str], inputs: Mapping[str, Any]) -> list[Problem]:
    unknown = [key for key in inputs if key not in known]
    if not unknown:
        return []
    import difflib  # noqa: PLC0415 - only needed for a mistake

    close = {key: difflib.get_close_matches(key, known, n=1) for key in unknown}
    hints = {key: f"did you mean {found[0]}?" if found else "check the spelling." for key, found in close.items()}
    return [Problem(join((key,)), f"is not known here; {hints[key]}") for key in unknown]


def _timeout_problems(timeout: Any) -> list[Problem]:
    if timeout is None or is_unknown(timeout):
        return []
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        return [Problem("timeout", "must be a number of seconds, such as 600.")]
    if not 0 < timeout <= 7 * 24 * 3600:
        return [Problem("timeout", "must be above zero and at most a week, in seconds.")]
    return []


def _order_warnings(urn: str, olds: Mapping[str, Any], autonaming: Autonaming | None) -> list[Problem]:
    """Warn if the engine deletes each resource before it builds the next.

    It does so whenever its names have no random part, even for a resource with a fixed name.
    """
    if autonaming is None or autonaming.proposed not in ("", urn.rpartition("::")[2], olds.get("name")):
        return []
    return [Problem("pulumi:autonaming", _DELETED_FIRST)]
