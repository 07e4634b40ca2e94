"""Fetch the content of another snapshot (`sourceSnapshot`) from the server's record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..content.hashing import content_hash
from ..errors import ConflictError, InvalidInputError, NotFoundError, Problem, ProtocolError, UnavailableError
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
        UnavailableError: This run has replaced it, and the server still shows the old one.
        ConflictError: It is not ready.
        InvalidInputError: Its content does not have the hash that the program gives.
        ProtocolError: The record's content does not match the record's hash.
        APIError: The server can't be reached, or refused.
    """
    name, wanted = str(inputs["sourceSnapshot"]), inputs.get("sourceHash")
    record = _find(run, name, wanted, log)
    if not record.is_ready:
        raise ConflictError(
            f"The snapshot {quoted(name)}, whose content is wanted here, is {record.status}"
            f"{' without an image' if record.status == 'ready' else ', not ready'}. Deploy it first, then run the same "
            "command again."
        )
    manifest = _content(record)
    if content_hash(manifest) != record.content_hash:
        raise ProtocolError(
            f"In the server's record of the snapshot {quoted(name)} the content does not match the content hash."
        )
    return Source(name, manifest, _declared_hash(record, wanted), record.content_hash)


def _find(run: Run, name: str, wanted: Any, log: ResourceLog) -> Record:
    """Return the snapshot's newest record; wait up to two minutes for an index that lags.

    Args:
        run: The run.
        name: The snapshot's name.
        wanted: The hash that the program gives, or None.
        log: The resource's lines.

    Raises:
        NotFoundError: There is no such snapshot, or the server does not show it.
        UnavailableError: The server still shows a record that this run has replaced.
        APIError: The server can't be reached, or refused.
    """
    record, missing = _get(run, name)
    if not _is_newest(run, record, name, wanted):
        for pause in pauses():
            if run.queue.is_cancelled:
                break
            log.status(f"waiting until the server's index shows {name}")
            run.clock.sleep(pause)
            record, missing = _get(run, name)
            if record is not None and _is_newest(run, record, name, wanted):
                break
    if record is None:
        raise missing
    if _is_replaced(run, record, name):
        raise UnavailableError(
            f"This run has replaced the snapshot {quoted(name)}, but the server's index still shows its old content, "
            "so the new one can't be taken (sourceSnapshot). Nothing was changed. Run the same command again in a few "
            "minutes."
        )
    return record


def _get(run: Run, name: str) -> tuple[Record | None, NotFoundError]:
    """Return the record under a name, or None and the error that says so."""
    missing = NotFoundError("")
    try:
        return run.client().get_snapshot(name), missing
    except NotFoundError as error:
        error.reword(
            f"There is no snapshot {quoted(name)} at {run.api_url()} that the API key may see, so its content can't be "
            "taken (sourceSnapshot). Check the name and whose key it is; another organisation's content has to be "
            "declared by its manifest. The public endpoint never shows a snapshot whose manifest is larger than 2 MB: "
            "build that one here, from the same program."
        )
        return None, error


def _is_newest(run: Run, record: Record | None, name: str, wanted: Any) -> bool:
    """Tell whether there is no reason to wait for a newer record than the one that the server shows."""
    if record is None:
        # This run may have created it a moment ago.
        return run.known.made_under(name) is None and not run.account.is_public()
    is_other = wanted is not None and wanted not in _hashes(record)
    return not _is_replaced(run, record, name) and not (is_other and run.account.is_public())


def _is_replaced(run: Run, record: Record, name: str) -> bool:
    """Tell whether this run has replaced a record, or has made another one under its name."""
    if record.id in run.replaced_ids:
        return True
    made = run.known.made_under(name)
    return made not in (None, record.id) and run.account.is_public()


def _content(record: Record) -> dict[str, Any]:
    return {key: value for key, value in (record.manifest or {}).items() if key in _KEPT}


def _hashes(record: Record) -> list[str]:
    """Return the record's content hash, and that of the declared content if the server built a variant of it."""
    manifest = _content(record)
    hashes = [record.content_hash]
    steps = list(manifest.get("steps") or ())
    args = dict(steps[-1].get("args") or {}) if steps else {}
    token = args.pop("rebuild", None)
    if isinstance(token, str) and _VARIANT.search(token):
        args["rebuild"] = _VARIANT.sub("", token)
    if token is not None and args.get("rebuild") != token and (isinstance(token, int | float) or "rebuild" in args):
        hashes.append(content_hash({**manifest, "steps": [*steps[:-1], {**steps[-1], "args": args}]}))
    return hashes


def _declared_hash(record: Record, wanted: Any) -> str:
    """Return the hash of the declared content.

    Args:
        record: The record.
        wanted: The hash that the program gives, or None.

    Raises:
        InvalidInputError: The content has another hash than `wanted`.
    """
    hashes = _hashes(record)
    if wanted is None:
        # The provider marks a variant with a number. A program's own rebuild token is text.
        return hashes[-1] if _is_numbered(record) else hashes[0]
    if wanted not in hashes:
        reason = f"is {wanted}, but the snapshot {quoted(str(record.name))} holds {hashes[0]}. Nothing was changed."
        raise InvalidInputError([Problem("sourceHash", reason)])
    return str(wanted)


def _is_numbered(record: Record) -> bool:
    steps = list(_content(record).get("steps") or ())
    return bool(steps) and isinstance((steps[-1].get("args") or {}).get("rebuild"), int | float)
