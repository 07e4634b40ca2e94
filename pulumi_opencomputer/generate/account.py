"""Choose which of an account's snapshots and images go into the generated program, and fetch their records."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ..errors import APIError, AuthenticationError, InvalidInputError, UnavailableError
from ..lifecycle.names import name_problem, origin_of
from ..lifecycle.read_replica import FULL_LIST
from ..sanitize import quoted
from .resource import Wanted

if TYPE_CHECKING:
    from ..api.record_list import RecordList
    from ..api.records import Record
    from ..lifecycle import Lifecycle

_MAGIC = frozenset("*?[")


@dataclass
class Choice:
    """The snapshots and images to generate.

    Attributes:
        wanted: The snapshots and images that were chosen.
        left_out: For each one that was left out, a sentence that says why.
        unlisted: Sentences that say what the server may have and does not list.
    """

    wanted: list[Wanted] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


def choose(lifecycle: Lifecycle, patterns: Sequence[str], *, images: bool = False) -> Choice:
    """Choose among the snapshots and images that the account lists.

    Args:
        lifecycle: The lifecycle, for requests to the server.
        patterns: Names of snapshots, or patterns with ``*``, ``?`` and ``[…]``; empty means all snapshots. An exact
            name is chosen even if the server's list doesn't include it. What is a listed name is not a pattern.
        images: Whether to include images that have no named snapshot.

    Raises:
        NothingMatchesError: A pattern matches nothing.
        APIError: The server can't be reached, or refused the request.
    """
    records = lifecycle.list_records()
    listed = {record.name: record for record in records if record.name and record.name_is_exact}
    odd = [record.name for record in records if record.name and not record.name_is_exact]
    choice = Choice()
    if not patterns or not all(_is_name(pattern, listed) for pattern in patterns):
        # Names are looked up one by one, so that for them the list need not be whole.
        choice.unlisted += _unlisted(records, "snapshots", "To take older ones too, give their names.")
    for name in _matching([*listed, *odd], patterns, choice.unlisted):
        if name in odd and name not in listed:
            continue
        if name not in listed or listed[name].status == "ready":
            choice.wanted.append(Wanted("Snapshot", name, is_named=name in patterns))
        else:
            choice.left_out.append(f"{quoted(name)} is {listed[name].status}, so there is no image to take over.")
    choice.left_out += [
        f"{quoted(name)}: left out: its name has control characters or invisible ones, which a program can't declare. "
        "Create it again under another name."
        for name in odd
        if not patterns or any(_fits(name, pattern, listed) for pattern in patterns)
    ]
    if images:
        _add_images(lifecycle, choice, {record.content_hash for record in records})
    return choice


def _add_images(lifecycle: Lifecycle, choice: Choice, named: Container[str]) -> None:
    records = lifecycle.list_records(images=True)
    hashes = [record.content_hash for record in records if record.name is None and record.is_ready]
    choice.wanted += [Wanted("Image", found) for found in hashes if found not in named]
    choice.unlisted += _unlisted(records, "images", "Older images that no snapshot names are missing.")


def _unlisted(records: RecordList, what: str, rest: str) -> Iterator[str]:
    """Yield what is known to be missing in a list of the server."""
    number = len(records) + records.unreadable
    if records.unreadable:
        yield f"{records.unreadable} of the {number} {what} that the server lists can't be read, so they are left out."
    if records.is_cut:
        yield f"The server's list of {what} is too large to be read to its end: {number} were read. {rest}"
    elif number == FULL_LIST and any(record.cell_id for record in records):
        # Only the public endpoint cuts lists, and only its records name their cell.
        yield f"The server lists only its {FULL_LIST} newest {what}. {rest}"


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
    if wanted.kind == "Snapshot" and (problem := _name_problem(record, wanted.id)):
        raise LeftOutError(f"its name {problem} Create it again under another name.")
    origin = origin_of(record)
    if origin.project and not wanted.is_named:
        raise LeftOutError(
            f"belongs to a Pulumi program already: {origin.resource} of project {origin.project}, stack "
            f"{origin.stack}. Give its name to have it all the same; then remove it from that stack with "
            "pulumi state delete, not pulumi destroy."
        )
    return record


class LeftOutError(Exception):
    """A record can't go into the generated program; the message says why."""


class NothingMatchesError(Exception):
    """A pattern matches none of the account's snapshots."""

    def __init__(self, pattern: str, number: int, unlisted: Sequence[str]) -> None:
        said = f"None of the {number} snapshots of this account matches {quoted(pattern)}."
        super().__init__(" ".join([said, *unlisted]))


def _matching(names: Sequence[str], patterns: Sequence[str], unlisted: Sequence[str]) -> list[str]:
    """Return the names that match, and those given that the server's list may not include."""
    if not patterns:
        return sorted(names)
    for pattern in patterns:
        if not _is_name(pattern, names) and not any(fnmatchcase(name, pattern) for name in names):
            raise NothingMatchesError(pattern, len(names), unlisted)
    found = {name for name in names if any(_fits(name, pattern, names) for pattern in patterns)}
    return sorted(found | {pattern for pattern in patterns if _is_name(pattern, names)})


def _is_name(pattern: str, names: Container[str]) -> bool:
    return pattern in names or not _MAGIC & set(pattern)


def _fits(name: str, pattern: str, names: Container[str]) -> bool:
    return name == pattern or (not _is_name(pattern, names) and fnmatchcase(name, pattern))


def _name_problem(record: Record, name: str) -> str | None:
    """Return what is wrong with a name that the server has, as the rest of a sentence; None if nothing is."""
    problem = name_problem(name)
    if problem is not None:
        return problem.reason
    return None if record.name == name else "has invisible characters, which a program can't declare."
