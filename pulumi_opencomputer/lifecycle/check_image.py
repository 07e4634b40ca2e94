"""Check that a snapshot that is made from an Image resource has the same content as that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Problem
from .types import is_unknown

_OTHER_CONTENT = (
    "differs from the content of the Image that it is made from: the Image keeps its recorded manifest "
    "(ignore_changes). Remove ignore_changes there, or give the snapshot the Image's own manifest: image.manifest."
)


def image_problems(olds: Mapping[str, Any], inputs: Mapping[str, Any], image_hash: Any) -> list[Problem]:
    """Compare a snapshot's content with its Image's.

    Args:
        olds: The checked inputs of the last deployment.
        inputs: The new ones, with the content hash.
        image_hash: The Image's content hash; None if the snapshot is not made from an Image.
    """
    wanted = inputs["contentHash"]
    if image_hash is None or is_unknown(image_hash) or is_unknown(wanted) or wanted == image_hash:
        return []
    # A snapshot with ignore_changes of its own keeps its recorded content, which is allowed.
    return [] if olds.get("contentHash") == wanted else [Problem("manifest", _OTHER_CONTENT)]
