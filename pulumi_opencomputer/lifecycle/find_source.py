"""Looking for the content of another snapshot in the server's own record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..content.hashing import content_hash
from ..errors import ConflictError, InvalidInputError, NotFoundError, Problem, ProtocolError
from ..sanitize import quoted
from .source import Source
from .waiting import pauses

if TYPE_CHECKING:
    from ..api.records import Record
    from .log import ResourceLog
    from .run import Run

_KEPT = ("base", "steps", "builderMemoryMB", "runtimeMemoryMB")
_VARIANT = re.compile(r"/\d+$")


def fetch(run: Run, inputs: Mapping[str, Any], log: ResourceLog) -> Source:
    """Read the content that inputs name by its snapshot.

    Args:
        run: The run.
        inputs: Checked inputs, with ``sourceSnapshot``, and ``sourceHash`` where the program says what it must hold.
        log: The resource's status line.

    Raises:
        NotFoundError: There is no such snapshot, or the server does not show it.
        ConflictError: It is not ready.
        InvalidInputError: It holds other content than the program says.
        APIError: The server can't be reached, or refused.
    """
    name = str(inputs["sourceSnapshot"])
    record = _find(run, name, log)
    if not record.is_ready:
        raise ConflictError(
            f"The snapshot {quoted(name)}, whose content is wanted here, is {record.status}"
            f"{' without an image' if record.status == 'ready' else ', not ready'}. Deploy it first, then run the same "
            "command again."
        )
    manifest = {key: value for key, value in (record.manifest or {}).items() if key in _KEPT}
    if content_hash(manifest) != record.content_hash:
        raise ProtocolError(
            f"The server's record of the snapshot {quoted(name)} has another content than its hash says."
        )
    return Source(name, manifest, _declared_hash(manifest, record, inputs.get("sourceHash")), record.content_hash)


def _find(run: Run, name: str, log: ResourceLog) -> Record:
    try:
        return run.client().get_snapshot(name)
    except NotFoundError as error:
        if run.account.is_public():
            # It may have been made a moment ago, by this very run.
            for pause in pauses():
                if run.queue.is_cancelled:
                    break
                log.status(f"waiting until the server's index shows {name}")
                run.clock.sleep(pause)
                try:
                    return run.client().get_snapshot(name)
                except NotFoundError:
                    continue
        error.reword(
            f"There is no snapshot {quoted(name)} at {run.api_url()} that the API key may see, so its content can't be "
            "taken (sourceSnapshot). Check the name and whose key it is; another organisation's content has to be "
            "declared by its manifest. The public endpoint never shows a snapshot whose manifest is larger than 2 MB: "
            "build that one here, from the same program."
        )
        raise


def _declared_hash(manifest: Mapping[str, Any], record: Record, wanted: Any) -> str:
    """The hash of the content as it was declared; a build that had to step aside has another.

    Raises:
        InvalidInputError: It is not the wanted one.
    """
    hashes = [record.content_hash]
    steps = list(manifest.get("steps") or ())
    args = dict(steps[-1].get("args") or {}) if steps else {}
    token = args.pop("rebuild", None)
    if isinstance(token, str) and _VARIANT.search(token):
        args["rebuild"] = _VARIANT.sub("", token)
    if token is not None and args.get("rebuild") != token and (isinstance(token, int | float) or "rebuild" in args):
        hashes.append(content_hash({**manifest, "steps": [*steps[:-1], {**steps[-1], "args": args}]}))
    if wanted is None:
        # A number is what a build that had to step aside adds itself; a token of a program is text.
        return hashes[-1] if isinstance(token, int | float) else hashes[0]
    if wanted not in hashes:
        reason = f"is {wanted}, but the snapshot {quoted(str(record.name))} holds {hashes[0]}. Nothing was changed."
        raise InvalidInputError([Problem("sourceHash", reason)])
    return str(wanted)
