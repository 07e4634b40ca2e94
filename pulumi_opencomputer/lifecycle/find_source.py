"""Fetch the content of another snapshot (`sourceSnapshot`) from the server's record."""

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
    """Fetch the content of the snapshot that the inputs name.

    Args:
        run: The run.
        inputs: Checked inputs with ``sourceSnapshot``, and with ``sourceHash`` if the program gives the expected hash.
        log: The resource's lines.

    Raises:
        NotFoundError: There is no such snapshot, or the server does not show it.
        ConflictError: It is not ready.
        InvalidInputError: Its content does not have the hash that the program gives.
        ProtocolError: The record's content does not match the record's hash.
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
            f"In the server's record of the snapshot {quoted(name)} the content does not match the content hash."
        )
    return Source(name, manifest, _declared_hash(manifest, record, inputs.get("sourceHash")), record.content_hash)


def _find(run: Run, name: str, log: ResourceLog) -> Record:
    try:
        return run.client().get_snapshot(name)
    except NotFoundError as error:
        if run.account.is_public():
            # This run may have created it a moment ago, and the index lags.
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
    """Return the hash of the declared content. If the server built a variant, the record has the variant's hash.

    Args:
        manifest: The record's manifest.
        record: The record.
        wanted: The hash that the program gives, or None.

    Raises:
        InvalidInputError: The content has another hash than `wanted`.
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
        # The provider marks a variant with a number. A program's own rebuild token is text.
        return hashes[-1] if isinstance(token, int | float) else hashes[0]
    if wanted not in hashes:
        reason = f"is {wanted}, but the snapshot {quoted(str(record.name))} holds {hashes[0]}. Nothing was changed."
        raise InvalidInputError([Problem("sourceHash", reason)])
    return str(wanted)
