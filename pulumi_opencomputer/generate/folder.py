"""The folder of a generated program.

Existing files are replaced only with `force`, and no file appears unless all could be generated.
"""

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

_LONGEST_PROJECT = 100
_NAMESPACES = ("opencomputer", "pulumi")


class ExistsError(Exception):
    """A file that would be written already exists."""


class Folder:
    """The folder that a program is written to.

    Args:
        path: The folder; it need not exist yet.
        program: The name of the program's file.
        force: Whether to replace existing files.

    Raises:
        ExistsError: A file already exists, and `force` is false.
    """

    def __init__(self, path: Path, program: str, *, force: bool) -> None:
        self.path = path
        self._force = force
        there = [name for name in (program, IMPORT_FILE, "files") if (path / name).exists()]
        if there and not force:
            raise ExistsError(
                f"{quoted(str(path))} already has {', '.join(there)}. Give another folder with --out, or replace these "
                "with --force; other files stay as they are."
            )

    @property
    def project(self) -> str:
        """A name for the Pulumi project, made from the folder's name."""
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.path.resolve().name)[:_LONGEST_PROJECT].strip("-.") or "snapshots"
        # A project's configuration is kept under the project's name, which must not be that of a provider's settings.
        return f"{name}-images" if name in _NAMESPACES else name

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Yield a temporary folder inside this one; move its files into place if the block ends without an error."""
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
        """Return those of the named files that don't exist yet."""
        return [name for name in names if not (self.path / name).exists()]

    def _place(self, staging: Path) -> None:
        for made in staging.iterdir():
            if made.name != "files":
                os.replace(made, self.path / made.name)  # noqa: PTH105 - replaces on every system
                continue
            for directory in made.iterdir():
                target = self.path / "files" / directory.name
                target.parent.mkdir(exist_ok=True)
                # Remove the old directory: files left from an earlier program would end up in the new image.
                shutil.rmtree(target, ignore_errors=True)
                shutil.move(str(directory), target)
