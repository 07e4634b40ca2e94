"""Files of a generated program that are kept in a folder beside it."""

from __future__ import annotations

import base64
import posixpath
import re
import shutil
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..manifest.paths import copied

# Names that Windows keeps for devices, whatever follows the first dot.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?", re.IGNORECASE
)
_UNFIT = re.compile(r'[\x00-\x1f<>:"\\|?*]|[ .]$|^\s')
_LONGEST_PART = 200


def with_local_files(manifest: Mapping[str, Any], folder: Path, prefix: str, inline_bytes: int) -> dict[str, Any]:
    """Return the manifest with large files and binary files written to a folder next to the program.

    Args:
        manifest: The manifest in the declared form. A file that is a `ConfigSecret` stays in the program.
        folder: The folder for the files; created if needed.
        prefix: The path of that folder relative to the program, such as ``./files/agents``.
        inline_bytes: The largest text file, in bytes, that stays in the program.
    """
    made: dict[str, Any] = copied(manifest)
    for number, step in enumerate(made.get("steps", ()), 1):
        if "addFile" in step:
            step["addFile"] = _local_file(step["addFile"], number, folder, prefix, inline_bytes)
        elif "addDir" in step:
            step["addDir"] = _local_directory(step["addDir"], number, folder, prefix)
    return made


def _local_file(body: dict[str, Any], number: int, folder: Path, prefix: str, inline_bytes: int) -> dict[str, Any]:
    raw, name = _bytes(body), f"{number}-{posixpath.basename(body['path'])}"
    if raw is None or not raw or name == f"{number}-" or _is_unfit(name):
        return body
    if "encoding" not in body and len(raw) <= inline_bytes:
        return body
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(raw)
    return {"path": body["path"], "source": f"{prefix}/{place.name}"}


def _local_directory(body: dict[str, Any], number: int, folder: Path, prefix: str) -> dict[str, Any]:
    entries = [(entry["relativePath"], _bytes(entry)) for entry in body.get("files", ())]
    if not entries or any(raw is None for _, raw in entries) or not _fit_together([name for name, _ in entries]):
        return body
    place = folder / f"{number}-{_fit(posixpath.basename(posixpath.normpath(body['path'])))}"
    try:
        for name, raw in entries:
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw or b"")
    except OSError:
        # This machine's file system can't hold these files, so they stay in the program.
        shutil.rmtree(place, ignore_errors=True)
        return body
    return {"path": body["path"], "source": f"{prefix}/{place.name}"}


def _bytes(body: Mapping[str, Any]) -> bytes | None:
    """Return the bytes of an inline file; None for a secret, which the program only refers to by its key."""
    content = body.get("content")
    if not isinstance(content, str):
        return None
    return base64.b64decode(content) if "encoding" in body else content.encode()


def _fit_together(names: list[str]) -> bool:
    """Tell whether files with these names can share a folder on any system, and keep their names there."""
    parents = {name[:position] for name in names for position in _slashes(name)}
    # A folder that two systems spell differently would be one folder on one of them, and two on the other.
    entries = [*names, *parents]
    return len({_folded(each) for each in entries}) == len(entries) and not any(
        _is_unfit(part) for name in names for part in name.split("/")
    )


def _folded(name: str) -> str:
    """Return a name as file systems compare it that ignore case, and how a letter with an accent is encoded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _slashes(name: str) -> list[int]:
    return [position for position, letter in enumerate(name) if letter == "/"]


def _is_unfit(name: str) -> bool:
    return (
        not name
        or bool(_UNFIT.search(name))
        or bool(_DEVICE.fullmatch(name))
        # Git and some file systems of macOS change such names.
        or not unicodedata.is_normalized("NFC", name)
        or len(name.encode("utf-8", "replace")) > _LONGEST_PART
    )


def _fit(name: str) -> str:
    return "directory" if _is_unfit(name) or name == "/" else name
