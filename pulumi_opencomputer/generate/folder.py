"""The folder of a generated program: nothing of the user's is overwritten, and all of it is there or nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..sanitize import quoted

#: The file for ``pulumi import --file``.
IMPORT_FILE = "import.json"


class ExistsError(Exception):
    """A file that would be written is there already."""


class Folder:
    """Where a program is written.

    Args:
        path: The folder, which may be missing.
        program: The name of the program's file.
        force: Whether files that are there are replaced.

    Raises:
        ExistsError: A file is there already, and is not to be replaced.
    """

    def __init__(self, path: Path, program: str, *, force: bool) -> None:
        self.path = path
        self._force = force
        there = [name for name in (program, IMPORT_FILE, "files") if (path / name).exists()]
        if there and not force:
            raise ExistsError(
                f"{quoted(str(path))} has {', '.join(there)} already. Give another folder with --out, or --force to "
                "replace what is written anew; nothing else is touched."
            )

    @property
    def project(self) -> str:
        """A name for the project."""
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", self.path.resolve().name).strip("-.") or "snapshots"

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Give a folder beside its place, whose files come into place when the block ends without an error."""
        is_new = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".generate-", dir=self.path))
        done = False
        try:
            yield staging
            self._place(staging)
            done = True
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            if is_new and not done:
                with contextlib.suppress(OSError):
                    self.path.rmdir()

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those of some files that are not there yet."""
        return [name for name in names if not (self.path / name).exists()]

    def _place(self, staging: Path) -> None:
        for made in staging.iterdir():
            if made.name != "files":
                os.replace(made, self.path / made.name)  # noqa: PTH105 - replaces on every system
                continue
            for directory in made.iterdir():
                target = self.path / "files" / directory.name
                target.parent.mkdir(exist_ok=True)
                # A file of an earlier program would be a part of the new one's directory.
                shutil.rmtree(target, ignore_errors=True)
                shutil.move(str(directory), target)
