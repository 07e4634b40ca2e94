"""What is measured in a process of its own: ``python -m benchmarks.tasks TASK …`` prints seconds and bytes as JSON.

Each task is done once on next to nothing, so that its imports are behind it, and is measured then.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from pathlib import Path

# A multiple of three, and with its base64 below what the C library maps anew, and clears, each time.
_BLOCK = 48 * 1024


def hash_ours(*directories: str) -> None:
    """The content hash of directories."""
    from pulumi_opencomputer import Manifest  # noqa: PLC0415 - a task imports its own side alone

    manifest = Manifest.base()
    for directory in directories:
        manifest = manifest.add_local_dir(directory, "/data")
    manifest.cache_key()


def hash_sdk(*directories: str) -> None:
    """The same with the public SDK."""
    from opencomputer import Image  # noqa: PLC0415

    image = Image.base()
    for directory in directories:
        image = image.add_local_dir(directory, "/data")
    image.cache_key()


def body_ours(*directories: str) -> Callable[[], None]:
    """The upload body of directories that were planned before, without sending it."""
    from pulumi_opencomputer.content import content_hash  # noqa: PLC0415
    from pulumi_opencomputer.plan import plan  # noqa: PLC0415
    from pulumi_opencomputer.upload import BuildRequest  # noqa: PLC0415

    steps = [{"addDir": {"path": "/data", "source": directory}} for directory in directories]
    image = plan({"base": "base", "steps": steps}).image()
    digest = content_hash(image)

    def build() -> None:
        for _ in BuildRequest("name", image, expected_hash=digest):
            pass

    return build


def body_plain(*directories: str) -> Callable[[], None]:
    """Reading the same bytes, of files that were listed before, and their base64."""
    paths = [path for directory in directories for path in sorted(Path(directory).rglob("*")) if path.is_file()]

    def build() -> None:
        buffer = memoryview(bytearray(_BLOCK))
        for path in paths:
            with path.open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    b2a_base64(buffer[:count], newline=False)

    return build


def lines_ours(port: str, count: str) -> None:
    """Log lines by way of a build's events: two an event pair, one that passes and one that stays."""
    from pulumi_opencomputer.enginelog import EngineLog  # noqa: PLC0415
    from pulumi_opencomputer.logs import BuildProgress, ResourceLog  # noqa: PLC0415
    from pulumi_opencomputer.sse import BuildEvent  # noqa: PLC0415

    steps = int(count) // 2
    log = ResourceLog(EngineLog(f"127.0.0.1:{port}").of(_URN))
    progress = BuildProgress(log, ["apt install ripgrep"] * steps)
    for number in range(1, steps + 1):
        progress.on_event(BuildEvent(number, "apt_install", f"Step {number}/{steps}: apt-get install ripgrep"))
        progress.on_event(BuildEvent(number, "apt_install", f"Step {number}/{steps} completed"))
    progress.close()


def lines_bare(port: str, count: str) -> None:
    """As many lines of the same texts by bare calls."""
    import grpc  # noqa: PLC0415
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc  # noqa: PLC0415

    steps = int(count) // 2
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = engine_pb2_grpc.EngineStub(channel)
        for number in range(1, steps + 1):
            text = f"[{number}/{steps}] apt install ripgrep"
            for line, ephemeral in ((text, True), (f"{text} (0.0 s)", False)):
                stub.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=_URN, ephemeral=ephemeral))


def import_ours() -> None:
    """The names that a program imports."""
    from pulumi_opencomputer import Image, Manifest, Snapshot  # noqa: F401, PLC0415


def import_others() -> None:
    """What any provider of this kind would import."""
    import httpx  # noqa: F401, PLC0415
    import pydantic  # noqa: F401, PLC0415


_URN = "urn:pulumi:dev::bench::pulumi-python:dynamic/opencomputer:Image::toolchain"

_HASHES = {"hash-ours": hash_ours, "hash-sdk": hash_sdk}
_BODIES = {"body-ours": body_ours, "body-plain": body_plain}
_LINES = {"lines-ours": lines_ours, "lines-bare": lines_bare}
_IMPORTS = {"import-ours": import_ours, "import-others": import_others}


def main(arguments: Sequence[str]) -> None:
    """Do a task, and print what it took."""
    task, *rest = arguments
    if task in _IMPORTS:
        import pulumi  # noqa: F401, PLC0415 - what is measured comes on top of it

        measured: Callable[[], object] = _IMPORTS[task]
    elif task in _LINES:
        _LINES[task](rest[0], "2")

        def measured() -> None:
            _LINES[task](*rest)
    else:
        measured = _prepare(task, rest)
    before, started = peak(), time.perf_counter()
    measured()
    taken = time.perf_counter() - started
    print(json.dumps({"seconds": taken, "extra_bytes": peak() - before}))


def _prepare(task: str, directories: list[str]) -> Callable[[], object]:
    with tempfile.TemporaryDirectory() as small:
        (Path(small) / "file").write_bytes(b"content")
        if task in _BODIES:
            _BODIES[task](small)()
            return _BODIES[task](*directories)
        _HASHES[task](small)
    return lambda: _HASHES[task](*directories)


def peak() -> int:
    """The most bytes of memory that this process has held."""
    # Where there is no /proc, the figure of getrusage may be that of the parent at the fork.
    status = Path("/proc/self/status")
    if not status.exists():
        import resource  # noqa: PLC0415

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
