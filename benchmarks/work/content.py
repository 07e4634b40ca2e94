"""Content hashes, checks and upload bodies of local directories."""

from __future__ import annotations

import tempfile
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A multiple of three, and small enough that the C library reuses memory for the base64 instead of mapping it anew.
_BLOCK = 48 * 1024


@contextmanager
def _small() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "file").write_bytes(b"content")
        yield directory


def hash_ours(*directories: str) -> Callable[[], object]:
    """Compute the content hash of directories."""
    from pulumi_opencomputer import Manifest  # noqa: PLC0415

    def content_hash(*paths: str) -> str:
        manifest = Manifest.base()
        for path in paths:
            manifest = manifest.add_local_dir(path, "/data")
        return manifest.cache_key()

    with _small() as small:
        content_hash(small)
    return lambda: content_hash(*directories)


def hash_sdk(*directories: str) -> Callable[[], object]:
    """Compute the same hash with the public SDK."""
    from opencomputer import Image  # noqa: PLC0415

    def cache_key(*paths: str) -> str:
        image = Image.base()
        for path in paths:
            image = image.add_local_dir(path, "/data")
        return str(image.cache_key())

    with _small() as small:
        cache_key(small)
    return lambda: cache_key(*directories)


def checks_ours(count: str, directory: str) -> Callable[[], object]:
    """Check a number of snapshots that embed the same directory, as a provider's process does."""
    from pulumi_opencomputer.engine.session import session  # noqa: PLC0415
    from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT  # noqa: PLC0415

    def check(path: str, number: int) -> None:
        manifest = {"base": "base", "steps": [{"addDir": {"path": "/data", "source": path}}]}
        checked = session().lifecycle.check(SNAPSHOT, f"urn::{number}", {}, {"manifest": manifest})
        if checked.problems:
            raise RuntimeError(str(checked.problems))

    with _small() as small:
        check(small, 0)

    def checks() -> None:
        for number in range(int(count)):
            check(directory, number)

    return checks


def body_ours(*directories: str) -> Callable[[], object]:
    """Produce the upload body of directories that are already prepared, without sending it."""
    from pulumi_opencomputer.content.hashing import content_hash  # noqa: PLC0415
    from pulumi_opencomputer.content.request_body import BuildRequest  # noqa: PLC0415
    from pulumi_opencomputer.manifest.prepared import prepare as prepared  # noqa: PLC0415

    def prepare(*paths: str) -> Callable[[], object]:
        steps = [{"addDir": {"path": "/data", "source": path}} for path in paths]
        image: dict[str, Any] = prepared({"base": "base", "steps": steps}).image()
        digest = content_hash(image)

        def build() -> None:
            for _ in BuildRequest("name", image, expected_hash=digest):
                pass

        return build

    with _small() as small:
        prepare(small)()
    return prepare(*directories)


def body_plain(*directories: str) -> Callable[[], object]:
    """Read the bytes of files that are already listed, and encode them as base64."""
    paths = [path for directory in directories for path in sorted(Path(directory).rglob("*")) if path.is_file()]

    def build() -> None:
        buffer = memoryview(bytearray(_BLOCK))
        for path in paths:
            with path.open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    b2a_base64(buffer[:count], newline=False)

    return build
