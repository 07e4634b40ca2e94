"""Import: a resource's inputs and outputs from its record only, such that the next `up` has no changes.

The manifest that the server keeps is brought into the declared form. Written once more, it may have another hash than
the record: the server hashes what makes no difference to the build, as the order of a directory's files. The inputs'
own hash is then the content hash, and the record's the hash under which it was built.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, NotFoundError, Problem
from ..manifest.forms import to_declared
from ..manifest.paths import Path, join, leaves
from ..manifest.sizes import MAX_INLINE_BYTES, human_size
from ..sanitize import is_engine_mark
from .read_replica import FULL_LIST
from .types import Checked, is_unknown

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

_KEPT = ("base", "steps", "builderMemoryMB", "runtimeMemoryMB")
_HASH = re.compile(r"[0-9a-f]{64}")
_ADOPT = (
    "declare it with the files named by source, and let a Snapshot with adopt: true take the name over (it is built "
    "first, and the old one replaced once it is ready)."
)


def parse_id(id_: str) -> tuple[str, tuple[str, ...]]:
    """Return a record's id and the paths of its secret values from the id of an import.

    That is the id alone, or JSON: ``{"id": "daily", "secrets": ["manifest.steps[2].env.TOKEN"]}``, since the server
    keeps no marks of secrets.

    Args:
        id_: A snapshot's name or an image's content hash, or such JSON.
    """
    try:
        given = json.loads(id_) if id_.startswith("{") else None
    except ValueError:
        return id_, ()
    if not isinstance(given, dict) or set(given) != {"id", "secrets"} or not isinstance(given["id"], str):
        return id_, ()
    secrets = given["secrets"]
    if not isinstance(secrets, list) or not all(isinstance(path, str) for path in secrets):
        raise _refusal('"secrets" must be a list of paths, as "manifest.steps[2].env.TOKEN".')
    return given["id"], tuple(sorted(secrets))


def require_paths(manifest: Any, paths: tuple[str, ...]) -> None:
    """Make sure that paths of secrets name values of a manifest: a mistake would leave a secret in clear.

    Raises:
        InvalidInputError: One names nothing.
    """
    known = {join(("manifest", *path)) for path, _ in leaves(manifest)}
    if wrong := [path for path in paths if path not in known]:
        raise _refusal(f"{wrong[0]} names no value of the manifest, so nothing would be secret there.")


def find_snapshot(client: Client, name: str) -> Record | None:
    """Return the record of a name; None if there is none.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    try:
        return client.get_snapshot(name)
    except NotFoundError:
        return None


def find_image(client: Client, content_hash: str, *, with_manifest: bool = True) -> Record | None:
    """Return the build of a content hash; None if there is none.

    Args:
        client: The API.
        content_hash: 64 hex digits.
        with_manifest: Whether the record keeps its manifest, which holds every embedded file.

    Raises:
        InvalidInputError: It is no content hash.
        NotFoundError: The list was too long to be whole, and the build was not on it.
        APIError: The server can't be reached, or refused.
    """
    if not _HASH.fullmatch(content_hash):
        raise InvalidInputError([Problem("id", "must be an image's content hash, 64 lower-case hex digits.")])
    found, records = client.find_image(content_hash, with_manifest=with_manifest)
    if found is None and (len(records) >= FULL_LIST or not records.is_whole):
        raise NotFoundError(
            f"The image {content_hash[:12]} is not among the {len(records)} newest records, and the server lists no "
            "others."
        )
    return found


def declare(record: Record, what: str, *, most_inline: float = MAX_INLINE_BYTES) -> dict[str, Any]:
    """Convert a record's manifest into inputs that a program could have given.

    Args:
        record: The record.
        what: What it is, for errors, as ``the snapshot 'daily'``.
        most_inline: The most bytes of files that it may hold.

    Raises:
        InvalidInputError: The record is not ready, or its manifest can't be declared; says what to do.
    """
    if not record.is_ready:
        lost = " without an image" if record.status == "ready" else ", not ready"
        raise _refusal(f"{what} is {record.status}{lost}: there is nothing to take over yet.")
    return {"manifest": _declared(record, what, most_inline)}


def checked(found: Checked, what: str) -> Checked:
    """The check of inputs that were made of a record, if it found nothing.

    Raises:
        InvalidInputError: It found mistakes; says what to do.
    """
    if found.problems or is_unknown(found.inputs["contentHash"]):
        raise InvalidInputError([Problem("id", f"{what} can't be imported: {_ADOPT}"), *found.problems])
    return found


def _declared(record: Record, what: str, most_inline: float) -> dict[str, Any]:
    # For the server an absent and an empty base are the same.
    api = {key: value for key, value in (record.manifest or {}).items() if key in _KEPT and value not in (None, "")}
    steps = api.get("steps", [])
    if not (isinstance(steps, list) and all(isinstance(step, Mapping) and "type" in step for step in steps)):
        # A step in the declared form would name files of this machine.
        raise _refusal(f"{what} can't be imported: its steps are not in the API's form.")
    try:
        declared = to_declared(api)
    except InvalidInputError as error:
        raise InvalidInputError([Problem("id", f"{what} can't be imported: {_ADOPT}"), *error.problems]) from error
    # A number was added by a build of a variant; a program's token is text.
    if not isinstance(declared.get("rebuild"), str):
        declared.pop("rebuild", None)
    if marked := next((path for path, leaf in leaves(declared) if _is_marked(path, leaf)), None):
        raise _refusal(
            f"{what} holds a text by which Pulumi marks values of its own, at manifest.{join(marked)}: in a state it "
            "would be read as one. It can't be imported; declare an image without that text."
        )
    size = sum(_inline_sizes(declared))
    if size > most_inline:
        raise _refusal(
            f"{what} holds {human_size(size)} of files. An import keeps them in Pulumi's state, which is "
            f"limited to 4 MB. Instead, {_ADOPT}"
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


def _refusal(reason: str) -> InvalidInputError:
    return InvalidInputError([Problem("id", reason)])
