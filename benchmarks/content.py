"""Content hashes and upload bodies of local files."""

from __future__ import annotations

import random
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .measure import Goal, Outcome, Sides, Worked, alternate, growth, seconds, shown, work

_MB = 1_000_000
_FOLDERS = 4
_LIMIT = 'find "$1" -type f -print0 | sort -z | xargs -0 cat | base64 -w0 | openssl dgst -sha256'


def big_files(scratch: Path) -> Iterator[Outcome]:
    """256 MB in 200 files: time and memory of the hash, and the upload body."""
    directory = _files(scratch / "big", 200, 256 * _MB // 200)
    yield from _hashes(directory, scratch, "content hash, 256 MB in 200 files", speed=4, limit=1.3)
    yield _ten_checks(directory)
    yield from _bodies(directory, "upload body, 256 MB in 200 files")


def small_files(scratch: Path) -> Iterator[Outcome]:
    """20,000 files of 5 KB: time and memory of the hash."""
    directory = _files(scratch / "small", 20_000, 5_000)
    yield from _hashes(directory, scratch, "content hash, 20,000 files of 5 KB", speed=2, limit=None)
    yield from _bodies(directory, "upload body, 20,000 files of 5 KB")


def _hashes(directory: Path, scratch: Path, name: str, *, speed: float, limit: float | None) -> Iterator[Outcome]:
    ours, sdk, pipe = [], [], []
    for _ in range(5):
        ours.append(work("hash-ours", str(directory)))
        sdk.append(work("hash-sdk", str(directory)))
        pipe.append(_pipeline(directory, scratch))
    times = [worked.seconds for worked in ours]
    beside_sdk = Sides(times, [worked.seconds for worked in sdk])
    text = f"public SDK: {seconds(beside_sdk.beside)}"
    yield Outcome(name, seconds(times), text, *beside_sdk.speed(), Goal(speed, at_least=True), _growth(directory))
    beside_pipe = Sides(times, pipe)
    text = f"cat, base64, openssl: {seconds(pipe)}"
    yield Outcome(name, seconds(times), text, *beside_pipe.ratio(), Goal(limit) if limit else None)
    yield _memory(f"{name}: memory above the imports", ours, sdk, "public SDK", 40)


def _ten_checks(directory: Path) -> Outcome:
    """Ten snapshots of one directory: the files are read only for the first."""
    ten, one = (lambda count=count: work("checks-ours", count, str(directory)).seconds for count in ("10", "1"))
    sides = alternate(ten, one)
    text = f"one: {seconds(sides.beside)}"
    return Outcome("checks of ten snapshots of that directory", seconds(sides.ours), text, *sides.ratio(), Goal(1.1))


def _memory(name: str, ours: list[Worked], others: list[Worked], other: str, limit: float) -> Outcome:
    peaks = sorted(worked.extra_bytes / _MB for worked in ours)
    beside = statistics.median(worked.extra_bytes / _MB for worked in others)
    text = shown(statistics.median(peaks), " MB")
    spread = (peaks[1], peaks[-2])
    return Outcome(
        name, text, f"{other}: {shown(beside, ' MB')}", statistics.median(peaks), spread, Goal(limit, unit=" MB")
    )


def _pipeline(directory: Path, scratch: Path) -> float:
    """Return the seconds that shell tools take, minus their time for an empty directory."""
    empty = scratch / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "file").touch()
    return _shell(directory) - _shell(empty)


def _shell(directory: Path) -> float:
    started = time.perf_counter()
    subprocess.run(["sh", "-c", _LIMIT, "sh", str(directory)], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _bodies(directory: Path, name: str) -> Iterator[Outcome]:
    ours: list[Worked] = []
    plain: list[Worked] = []

    def measure(task: str, into: list[Worked]) -> float:
        into.append(work(task, str(directory)))
        return into[-1].seconds

    sides = alternate(lambda: measure("body-ours", ours), lambda: measure("body-plain", plain))
    text = f"reading and base64: {seconds(sides.beside)}"
    yield Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(1.5))
    yield _memory(f"{name}: memory above the plan", ours, plain, "reading and base64", 40)


def _growth(directory: Path) -> str:
    folders = sorted(map(str, directory.iterdir()))
    parts = [folders[:1], folders[:2], folders]
    costs = [min(work("hash-ours", *part).seconds for _ in range(2)) for part in parts]
    return growth([len(part) for part in parts], costs)


def _files(directory: Path, count: int, size: int) -> Path:
    """Write files of random bytes, spread over a few folders."""
    source = random.Random(1)
    for folder in range(_FOLDERS):
        (directory / f"part-{folder}").mkdir(parents=True)
    for number in range(count):
        (directory / f"part-{number % _FOLDERS}" / f"file-{number:05}.bin").write_bytes(source.randbytes(size))
    return directory
