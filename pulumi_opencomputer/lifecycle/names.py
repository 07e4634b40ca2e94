"""Names and marks: which name a snapshot gets, and which resource a record belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Problem
from ..sanitize import is_engine_mark, unshowable

if TYPE_CHECKING:
    from ..api.records import Record

#: The manifest key with the mark. The server keeps this key but does not hash it, like the ones below.
MARK_KEY = "pulumiMark"

# The resource that a record belongs to, readable for people; and the id of the record that it replaced.
_PROJECT_KEY = "pulumiProject"
_STACK_KEY = "pulumiStack"
_RESOURCE_KEY = "pulumiResource"
_PREDECESSOR_KEY = "pulumiPredecessor"
# The ids of the versions in the state when an update created the record; and the snapshot that its content comes from.
_LINEAGE_KEY = "pulumiVersions"
_SOURCE_KEY = "pulumiSource"

#: The key with the id of the run that requested the build.
RUN_KEY = "pulumiRun"

#: The server fails to save a record whose name has more than about 2,600 bytes, after the build.
MAX_NAME_BYTES = 2000

_MAX_RESOURCE_PART = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def mark(urn: str) -> str:
    """Return the mark of a resource's records: the first 16 hex digits of the SHA-256 of its URN."""
    return hashlib.sha256(urn.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class Origin:
    """Which resource made a record.

    Attributes:
        mark: Its mark; None if the record has none.
        project: Its project; empty if unknown.
        stack: Its stack; empty if unknown.
        resource: Its name in the program; empty if unknown.
    """

    mark: str | None = None
    project: str = ""
    stack: str = ""
    resource: str = ""

    @classmethod
    def of_urn(cls, urn: str) -> Origin:
        """Return the origin of the records of the resource with this URN."""
        parts = urn.split("::", 3)
        if len(parts) != 4 or not urn.startswith("urn:pulumi:"):
            return cls(mark(urn))
        return cls(mark(urn), parts[1], parts[0].removeprefix("urn:pulumi:"), parts[3])

    def keys(self, predecessor: str | None, lineage: Sequence[str] = (), source: str = "") -> dict[str, str]:
        """Return the additional manifest keys to send, which the server keeps but does not hash.

        Args:
            predecessor: The id of the record that the new one replaces, according to the state; or None.
            lineage: With versions, the ids of all versions of the resource so far.
            source: The name of the snapshot that the content comes from; empty if the program gave a manifest.
        """
        found = {
            MARK_KEY: self.mark,
            _PROJECT_KEY: self.project,
            _STACK_KEY: self.stack,
            _RESOURCE_KEY: self.resource,
            _PREDECESSOR_KEY: predecessor,
            _LINEAGE_KEY: " ".join(lineage),
            _SOURCE_KEY: source,
        }
        return {key: value for key, value in found.items() if value}


def origin_of(record: Record) -> Origin:
    """Return which resource made a record, according to the record."""
    return Origin(
        _text(record, MARK_KEY),
        _text(record, _PROJECT_KEY) or "",
        _text(record, _STACK_KEY) or "",
        _text(record, _RESOURCE_KEY) or "",
    )


def mark_of(record: Record) -> str | None:
    """Return a record's mark, or None."""
    return _text(record, MARK_KEY)


def predecessor_of(record: Record) -> str | None:
    """Return the id of the record that this one replaced, if the run that created it knew the state; else None."""
    return _text(record, _PREDECESSOR_KEY)


def lineage_of(record: Record) -> frozenset[str]:
    """Return the ids of the resource's versions when an update created this record; empty if no update created it."""
    return frozenset((_text(record, _LINEAGE_KEY) or "").split())


def source_of(record: Record) -> str | None:
    """Return the name of the snapshot that a record was promoted from, or None."""
    return _text(record, _SOURCE_KEY)


def run_of(record: Record) -> str | None:
    """Return the id of the run that requested a record's build, or None."""
    return _text(record, RUN_KEY)


def resource_of(urn: str) -> str:
    """Return a resource's own name from its URN."""
    return urn.rpartition("::")[2]


def _text(record: Record, key: str) -> str | None:
    found = (record.manifest or {}).get(key)
    return found if isinstance(found, str) else None


def generated_name(urn: str, content_hash: str) -> str:
    """Return the generated name of a snapshot: ``<resource>-<7 hex>``.

    It is computed from URN and content. So two stacks never have the same name, different content gets a different
    name, and a create that was interrupted before Pulumi recorded it finds its own record again.
    """
    digest = hashlib.sha256(f"{urn}\n{content_hash}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_fit_resource(urn)}-{digest[:7]}"


def scratch_name(urn: str, number: int = 0) -> str:
    """Return a temporary name under which a resource's image is built, computed from the URN only.

    Args:
        urn: The resource's URN.
        number: Which of its scratch names, from 0. The next one is used if a record under the previous one can't be
            deleted.
    """
    return f"{_fit_resource(urn)}-scratch-{mark(urn)}" + (f"-{number + 1}" if number else "")


def name_problem(name: object) -> Problem | None:
    """Return what is wrong with a snapshot's name, if anything."""
    if not isinstance(name, str):
        return Problem("name", "must be a string.")
    if not name:
        return Problem("name", "must not be empty; leave it out for a generated name.")
    if "/" in name or name in (".", ".."):
        return Problem("name", "must not hold '/' nor be '.' or '..': the API could never read or delete it.")
    if _CONTROL.search(name) or _SURROGATE.search(name):
        return Problem("name", "must not hold control characters or lone surrogates.")
    if (found := unshowable(name)) is not None:
        return Problem("name", f"must not hold U+{ord(found):04X}, a character that can't be shown as it is.")
    if "<{%" in name:
        return Problem("name", "must not hold '<{%': Pulumi's command line reads that as a colour, and crashes.")
    if is_engine_mark(name):
        return Problem("name", "is a text that Pulumi uses to mark special values. Choose another name.")
    if len(name.encode("utf-8")) > MAX_NAME_BYTES:
        return Problem("name", f"must not be longer than {MAX_NAME_BYTES} bytes in UTF-8.")
    return None


def _fit_resource(urn: str) -> str:
    """Return the resource's name from its URN, with other characters than ``A-Za-z0-9._-`` replaced by ``-``."""
    name = resource_of(urn)
    fit = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    return fit[:_MAX_RESOURCE_PART] or "snapshot"
