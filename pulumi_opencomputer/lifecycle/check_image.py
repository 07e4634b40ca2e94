"""Check that a snapshot made of an Image resource has the same content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Problem
from .types import is_unknown

_OTHER_CONTENT = (
    "is other content than that of the Image which it is made of: the Image keeps its recorded manifest "
    "(ignore_changes). Remove ignore_changes there, or give the snapshot the Image's own manifest: image.manifest."
)


def image_problems(olds: Mapping[str, Any], inputs: Mapping[str, Any], image_hash: Any) -> list[Problem]:
    """Compare a snapshot's content with its Image's.

    Args:
        olds: The checked inputs of the last deployment.
        inputs: The new ones, with the content hash.
        image_hash: The Image's content hash; None if the snapshot is not made of an Image.
    """
    wanted = inputs["contentHash"]
    if image_hash is None or is_unknown(image_hash) or is_unknown(wanted) or wanted == image_hash:
        return []
    # A snapshot that keeps its own recorded content may go on doing so.
    return [] if olds.get("contentHash") == wanted else [Problem("manifest", _OTHER_CONTENT)]
