"""Import: make a resource's inputs and outputs from its record, so that the next `up` has no changes.

The server's manifest is converted into the declared form. Sent again, it may have a different hash than the record,
because the server also hashes what makes no difference to the build, such as the order of a directory's files. Then
`contentHash` is the hash of the inputs, and `builtHash` is the record's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, NotFoundError, Problem
from ..manifest.forms import to_declared
from ..manifest.paths import Path, join, leaves
from ..manifest.sizes import MAX_INLINE_BYTES, human_size
from ..sanitize import is_engine_mark, unshowable
from .read_replica import FULL_LIST
from .types import Checked, is_unknown

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

_KEPT = ("base", "steps", "builderMemoryMB", "runtimeMemoryMB")
_HASH = re.compile(r"[0-9a-f]{64}")
_ADOPT = (
    ", in a Snapshot with adopt: true, which takes the name over (the new image is built first, and the old snapshot "
    "is replaced once it is ready)"
)


def parse_id(id_: str) -> tuple[str, tuple[str, ...]]:
    """Split the id of an import into the record's id and the paths of secret values.

    The server does not keep which values are secret, so a user can give their paths in JSON:
    ``{"id": "daily", "secrets": ["manifest.steps[2].env.TOKEN"]}``.

    Args:
        id_: A snapshot's name or an image's content hash, or such JSON.

    Raises:
        InvalidInputError: ``secrets`` is not a list of strings.
    """
    try:
        given = json.loads(id_) if id_.startswith("{") else None
    except ValueError:
        return id_, ()
    if not isinstance(given, dict) or set(given) != {"id", "secrets"} or not isinstance(given["id"], str):
        return id_, ()
    secrets = given["secrets"]
    if not isinstance(secrets, list) or not all(isinstance(path, str) for path in secrets):
        raise _refusal('"secrets" must be a list of paths, such as "manifest.steps[2].env.TOKEN".')
    return given["id"], tuple(sorted(secrets))


def require_paths(manifest: Any, paths: tuple[str, ...]) -> None:
    """Check that each path of a secret names a value of the manifest. A misspelt path would leave a secret in clear.

    Raises:
        InvalidInputError: A path names no value.
    """
    known = {join(("manifest", *path)) for path, _ in leaves(manifest)}
    if wrong := [path for path in paths if path not in known]:
        raise _refusal(f"{wrong[0]} names no value of the manifest, so the secret would stay in clear.")


def find_snapshot(client: Client, name: str) -> Record | None:
    """Return the record with a name; None if there is none.

    Raises:
        InvalidInputError: The name holds a character that a record's name is shown without.
        APIError: The server can't be reached, or refused.
    """
    if (found := unshowable(name)) is not None:
        raise _refusal(f"holds U+{ord(found):04X}, a character that a snapshot's name must not hold.")
    try:
        return client.get_snapshot(name)
    except NotFoundError:
        return None


def find_image(client: Client, content_hash: str, *, with_manifest: bool = True) -> Record | None:
    """Return the build with a content hash; None if there is none.

    Args:
        client: The API.
        content_hash: 64 hex digits.
        with_manifest: Whether the record keeps its manifest, which contains every embedded file.

    Raises:
        InvalidInputError: It is not a content hash.
        NotFoundError: The build is not in the list, and the list is incomplete.
        APIError: The server can't be reached, or refused.
    """
    if not _HASH.fullmatch(content_hash):
        raise InvalidInputError([Problem("id", "must be an image's content hash, 64 lower-case hex digits.")])
    found, records = client.find_image(content_hash, with_manifest=with_manifest)
    if found is None and (len(records) >= FULL_LIST or not records.is_whole):
        raise NotFoundError(
            f"The image {content_hash[:12]} is not among the {len(records)} newest records, and the server does not "
            "list older ones."
        )
    return found


def declare(record: Record, what: str, *, most_inline: float = MAX_INLINE_BYTES) -> dict[str, Any]:
    """Convert a record's manifest into inputs that a program could have given.

    Args:
        record: The record.
        what: A description of the record for errors, such as ``the snapshot 'daily'``.
        most_inline: The maximum total size of its files, in bytes.

    Raises:
        InvalidInputError: The record is not ready, or its manifest can't be declared; says what to do.
    """
    if not record.is_ready:
        lost = " without an image" if record.status == "ready" else ", not ready"
        raise _refusal(f"{what} is {record.status}{lost}: there is nothing to take over yet.")
    return {"manifest": _declared(record, what, most_inline)}


def checked(found: Checked, record: Record, what: str) -> Checked:
    """Return the outcome of checking inputs that were made from a record, or raise if it has problems.

    Args:
        found: The outcome.
        record: The record.
        what: As for `declare`.

    Raises:
        InvalidInputError: There are problems; says what to do.
    """
    if found.problems or is_unknown(found.inputs["contentHash"]):
        raise _undeclarable(record, what, found.problems)
    return found


def _declared(record: Record, what: str, most_inline: float) -> dict[str, Any]:
    # The server treats an absent base like an empty one.
    api = {key: value for key, value in (record.manifest or {}).items() if key in _KEPT and value not in (None, "")}
    steps = api.get("steps", [])
    if not (isinstance(steps, list) and all(isinstance(step, Mapping) and "type" in step for step in steps)):
        # A server's record must not be read as the declared form: its source could name files of this machine.
        raise _refusal(f"{what} can't be imported: its steps are not in the API's form.")
    try:
        declared = to_declared(api)
    except InvalidInputError as error:
        raise _undeclarable(record, what, error.problems) from error
    # The provider marks a variant with a number. A program's own rebuild token is text.
    if not isinstance(declared.get("rebuild"), str):
        declared.pop("rebuild", None)
    if marked := next((path for path, leaf in leaves(declared) if _is_marked(path, leaf)), None):
        raise _refusal(
            f"{what} can't be imported: manifest.{join(marked)} holds a text that Pulumi uses in a state to mark "
            "special values. Declare an image without that text."
        )
    size = sum(_inline_sizes(declared))
    if size > most_inline:
        raise _refusal(
            f"{what} holds {human_size(size)} of files. An import stores them in Pulumi's state, where at most 4 MB "
            f"are allowed. Instead, declare it with its files given by source{_adopting(record)}."
        )
    return declared


def _is_marked(path: Path, leaf: Any) -> bool:
    return any(isinstance(text, str) and is_engine_mark(text) for text in (*path, leaf))


def _inline_sizes(declared: Mapping[str, Any]) -> Iterator[int]:
    for step in declared.get("steps", ()):
        for body in (step.get("addFile"), *(step.get("addDir", {}).get("files", ()))):
            if body and isinstance(body.get("content"), str):
                text = body["content"]
                yield len(text) * 3 // 4 if body.get("encoding") else len(text.encode("utf-8", "surrogatepass"))


def _undeclarable(record: Record, what: str, problems: Sequence[Problem]) -> InvalidInputError:
    """Return the error for a record that a program can't declare as it is recorded."""
    if any(problem.path == "name" for problem in problems):
        cure = "Create the image again under another name."
    else:
        cure = f"Declare it by hand with the words corrected{_adopting(record)}."
    return InvalidInputError(
        [Problem("id", f"{what} can't be imported, because a program can't declare it. {cure}"), *problems]
    )


def _adopting(record: Record) -> str:
    """Return how a program takes over the record's name; "" for an image, which has none."""
    return _ADOPT if record.name else ""


def _refusal(reason: str) -> InvalidInputError:
    return InvalidInputError([Problem("id", reason)])
