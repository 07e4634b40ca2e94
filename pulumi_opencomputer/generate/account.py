"""Choose which of an account's snapshots and images go into the generated program, and fetch their records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ..errors import APIError, AuthenticationError, InvalidInputError, UnavailableError
from ..lifecycle.names import origin_of
from ..lifecycle.read_replica import FULL_LIST
from ..sanitize import quoted
from .resource import Wanted

if TYPE_CHECKING:
    from ..api.records import Record
    from ..lifecycle import Lifecycle

_MAGIC = frozenset("*?[")


@dataclass
class Choice:
    """The snapshots and images to generate.

    Attributes:
        wanted: The snapshots and images that were chosen.
        left_out: For each one that was left out, a sentence that says why.
        is_cut: Whether the server may have more snapshots than it lists.
    """

    wanted: list[Wanted] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    is_cut: bool = False


def choose(lifecycle: Lifecycle, patterns: Sequence[str], *, images: bool = False) -> Choice:
    """Choose among the snapshots and images that the account lists.

    Args:
        lifecycle: The lifecycle, for requests to the server.
        patterns: Names of snapshots, or patterns with ``*``, ``?`` and ``[…]``; empty means all snapshots. An exact
            name is chosen even if the server's list doesn't include it.
        images: Whether to include images that have no named snapshot.

    Raises:
        NothingMatchesError: A pattern matches nothing.
        APIError: The server can't be reached, or refused the request.
    """
    listed = lifecycle.get_snapshots()["snapshots"]
    statuses = {found["name"]: found["status"] for found in listed if found.get("name")}
    # If every pattern is an exact name, a list that is cut off doesn't matter: names are looked up one by one.
    choice = Choice(is_cut=len(listed) >= FULL_LIST and not all(_is_name(each) for each in patterns or "*"))
    for name in _matching(list(statuses), patterns):
        if statuses.get(name, "ready") == "ready":
            choice.wanted.append(Wanted("Snapshot", name, is_named=name in patterns))
        else:
            choice.left_out.append(f"{quoted(name)} is {statuses[name]}, so there is no image to take over.")
    if images:
        hashes = {found["contentHash"] for found in listed}
        choice.wanted += [Wanted("Image", each) for each in lifecycle.unnamed_images() if each not in hashes]
    return choice


def fetch(lifecycle: Lifecycle, wanted: Wanted) -> Record:
    """Fetch a record with its manifest.

    Raises:
        LeftOutError: The record can't go into the program; the message says why.
        APIError: The server can't be reached, or rejects the key.
    """
    from ..lifecycle import KINDS  # noqa: PLC0415 - not needed for --help

    try:
        record = lifecycle.look(KINDS[wanted.kind], wanted.id)
    except (AuthenticationError, UnavailableError):
        raise
    except (APIError, InvalidInputError) as error:
        raise LeftOutError(str(error)) from error
    if record is None:
        raise LeftOutError(f"the server has no such {wanted.kind.lower()}.")
    origin = origin_of(record)
    if origin.project and not wanted.is_named:
        raise LeftOutError(
            f"belongs to a Pulumi program already: {origin.resource} of project {origin.project}, stack "
            f"{origin.stack}. Give its name to have it all the same; then remove it from that stack with "
            "pulumi state delete, not pulumi destroy."
        )
    return record


def _is_name(pattern: str) -> bool:
    return not _MAGIC & set(pattern)


class LeftOutError(Exception):
    """A record can't go into the generated program; the message says why."""


def _matching(names: Sequence[str], patterns: Sequence[str]) -> Iterator[str]:
    if not patterns:
        yield from sorted(names)
        return
    found = {name for name in names if any(name == each or fnmatchcase(name, each) for each in patterns)}
    for pattern in patterns:
        if _is_name(pattern):
            # The server's list may not include it.
            found.add(pattern)
        elif not any(fnmatchcase(name, pattern) for name in names):
            raise NothingMatchesError(pattern, len(names))
    yield from sorted(found)


class NothingMatchesError(Exception):
    """A pattern matches none of the account's snapshots."""

    def __init__(self, pattern: str, number: int) -> None:
        super().__init__(f"None of the {number} snapshots of this account matches {quoted(pattern)}.")
