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
_PROJECT_FILE = "Pulumi.yaml"
_NAMESPACES = ("opencomputer", "pulumi")


class ExistsError(Exception):
    """A file that would be written already exists, or is in the way."""


class Folder:
    """The folder that a program is written to.

    Args:
        path: The folder; it need not exist yet.
        program: The name of the program's file.
        force: Whether to replace existing files.

    Attributes:
        path: The folder.
        placed: The names of what is written so far.

    Raises:
        ExistsError: A file already exists, and `force` is false; or what exists can't be replaced.
    """

    def __init__(self, path: Path, program: str, *, force: bool) -> None:
        self.path = path
        self.placed: list[str] = []
        self._program = program
        self._is_complete = False
        there = [name for name in (program, IMPORT_FILE, "files") if os.path.lexists(path / name)]
        if there and not force:
            raise ExistsError(
                f"{quoted(str(path))} already has {', '.join(there)}. Give another folder with --out, or replace these "
                "with --force; other files stay as they are."
            )
        if obstacle := self._obstacle():
            raise ExistsError(f"{obstacle} Give another folder with --out, or move it away.")

    @property
    def project(self) -> str:
        """A name for the Pulumi project, made from the folder's name."""
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.path.resolve().name)[:_LONGEST_PROJECT].strip("-.") or "snapshots"
        # A project's configuration is kept under the project's name, which must not be that of a provider's settings.
        return f"{name}-images" if name in _NAMESPACES else name

    @property
    def outcome(self) -> str:
        """A sentence that says what is written so far."""
        if not self.placed:
            return "Nothing is written."
        if self._is_complete:
            return "Everything is written."
        return (
            f"Only a part is written: {', '.join(self.placed)} in {quoted(str(self.path))}. Run the same command "
            "again, with --force."
        )

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Yield a temporary folder inside this one; move its files into place if the block ends without an error."""
        new = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".generate-", dir=self.path))
        try:
            yield staging
            self._place(staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            for folder in new:
                with contextlib.suppress(OSError):
                    # Fails, as it should, if anything was written there.
                    folder.rmdir()

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return those of the named files that don't exist yet."""
        return [name for name in names if not (self.path / name).exists()]

    def _obstacle(self) -> str | None:
        """Return a sentence about what can't be replaced, if there is such a thing."""
        if self.path.exists() and not self.path.is_dir():
            return f"{quoted(str(self.path))} is not a folder."
        for name in (self._program, IMPORT_FILE):
            if (self.path / name).is_dir():
                return f"{quoted(str(self.path / name))} is a folder, and a file must be written there."
        if os.path.lexists(self.path / "files") and not (self.path / "files").is_dir():
            return f"{quoted(str(self.path / 'files'))} is not a folder, and files must be written into it."
        runtime = None if self._program == _PROJECT_FILE else _runtime(self.path / _PROJECT_FILE)
        if runtime not in (None, "python"):
            return (
                f"{quoted(str(self.path / _PROJECT_FILE))} has the runtime {quoted(str(runtime))}, with which Pulumi "
                "would not run a Python program."
            )
        return None

    def _place(self, staging: Path) -> None:
        # The program comes last, so that it never refers to files that are not there yet.
        for made in sorted(staging.iterdir(), key=lambda made: (made.name != "files", made.name == self._program)):
            if made.name != "files":
                os.replace(made, self.path / made.name)  # noqa: PTH105 - replaces on every system
                self.placed.append(made.name)
                continue
            for directory in sorted(made.iterdir()):
                _replace_directory(directory, self.path / "files" / directory.name)
                self.placed.append(f"files/{directory.name}")
        self._is_complete = True


def _replace_directory(made: Path, target: Path) -> None:
    """Move a directory into place. Files left from an earlier program would end up in the new image."""
    target.parent.mkdir(exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    shutil.move(str(made), target)


def _runtime(project_file: Path) -> str | None:
    """Return the runtime that a Pulumi.yaml names; None if there is no such file, or it can't be read."""
    import yaml  # noqa: PLC0415 - not needed for --help

    try:
        found = yaml.safe_load(project_file.read_text("utf-8"))["runtime"]
        return str(found["name"] if isinstance(found, dict) else found)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        return None
