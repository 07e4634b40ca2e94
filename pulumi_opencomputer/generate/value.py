"""Look up one value in a record's manifest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, NotFoundError, Problem
from ..lifecycle import KINDS
from ..lifecycle.importing import declare
from ..manifest.paths import join, leaves
from ..sanitize import quoted

if TYPE_CHECKING:
    from ..lifecycle import Lifecycle


def value_of(lifecycle: Lifecycle, kind: str, id_: str, path: str) -> Any:
    """Look up one value in a record's manifest.

    Args:
        lifecycle: The lifecycle, for requests to the server.
        kind: ``Snapshot`` or ``Image``.
        id_: The snapshot's name, or the image's content hash.
        path: The value's path, such as ``manifest.steps[2].env.TOKEN``.

    Raises:
        NotFoundError: There is no such record.
        InvalidInputError: Its manifest has no such value.
        APIError: The server can't be reached, or refused the request.
    """
    record = lifecycle.look(KINDS[kind], id_)
    if record is None:
        raise NotFoundError(f"There is no {kind.lower()} {quoted(id_)} that the API key may see.")
    manifest = declare(record, f"the {kind.lower()}", most_inline=math.inf)["manifest"]
    for found, value in leaves(manifest):
        if join(("manifest", *found)) == path:
            return value
    reason = (
        f"{quoted(path)} names no value in the manifest of {quoted(id_)}. Give the path of a text or number, such as "
        "manifest.steps[2].env.TOKEN."
    )
    raise InvalidInputError([Problem("path", reason)])
