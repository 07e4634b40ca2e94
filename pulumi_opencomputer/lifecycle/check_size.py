"""Warn about large manifests and many records, which the public endpoint or the server handle badly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config import DEFAULT_API_URL
from ..errors import Problem
from .waiting import INDEX_LIMIT, size_of

_LARGE_SWAP = 10_000_000
# Seconds for each byte that the server takes to process a manifest, during which the name is missing.
_SECONDS_PER_BYTE = 0.13e-6


def size_warnings(manifest: Any, name: str | None, api_url: Callable[[], str]) -> list[Problem]:
    """Return warnings about a snapshot's large manifest.

    Args:
        manifest: The manifest in the declared form, with the sizes of local files.
        name: The snapshot's fixed name, or None.
        api_url: Returns the API's address.
    """
    size = size_of(manifest)
    if size <= INDEX_LIMIT:
        return []
    found = []
    if api_url() == DEFAULT_API_URL:
        found.append(
            "is larger than 2 MB as it is sent. The public endpoint may never list such a snapshot: sandboxes start "
            "from it, but it could be neither replaced nor deleted. Fetch large files in a run step instead."
        )
    if name is not None and size > _LARGE_SWAP:
        found.append(
            f"is large: whenever the snapshot is replaced, the name {name!r} is missing for about "
            f"{size * _SECONDS_PER_BYTE:.0f} s while the server processes the manifest. A generated name is never "
            "missing."
        )
    return [Problem("manifest", reason) for reason in found]


def list_warnings(total: int, api_url: Callable[[], str]) -> list[Problem]:
    """Return warnings about a program with more records than the public endpoint lists.

    Args:
        total: How many records the program's snapshots have, including kept versions.
        api_url: Returns the API's address.
    """
    if api_url() != DEFAULT_API_URL:
        return []
    reason = (
        f"brings the records of this program's snapshots, including kept versions, to {total} so far. The public "
        "endpoint lists at most 200. Deploying, going back and deleting still work, but lists, refreshes of images, "
        "and the search for what interrupted runs left only see some of them. Keep fewer versions, or use several "
        "organisations."
    )
    return [Problem("keep", reason)]
