"""The cost of keeping versions: an `up` without changes, the state's size, and a change of everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator_process import Emulator
from pulumi_opencomputer import Manifest

from .measure import ENGINE_RUNS, Goal, Outcome, alternate, seconds, shown
from .stack import Stack, emulator

_KEPT = 5
_COUNT = 1000
_CHANGED = 50
_NAMES = ("plain", "keeps")

_PROGRAM = """
from pulumi_opencomputer import Manifest, Snapshot

for number in range({count}):
    content = {{"NUMBER": f"of-{{number}}", "VERSION": "{version}"}}
    Snapshot(f"{name}-{{number}}", Manifest.base().apt_install(["ripgrep"]).env(content){keep})
"""


def versions(scratch: Path) -> Iterator[Outcome]:
    """``pulumi up`` without changes and with every snapshot changed, with and without kept versions; the state."""
    with emulator(scratch) as api:
        keeping, plain = (_stack(scratch, api, keep) for keep in (f", keep={_KEPT}", ""))
        api.forget_requests()
        sides = alternate(keeping.up, plain.up, ENGINE_RUNS)
        if asked := [entry["path"] for entry in api.requests() if "/_emulator" not in entry["path"]]:
            raise RuntimeError(f"a run without changes asked the API: {asked[:5]}")
        name = f"pulumi up without changes, {_COUNT:,} snapshots with keep={_KEPT} and {_KEPT} kept each"
        text = f"without keep: {seconds(sides.beside)}"
        yield Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(1.05))
        ours, beside = keeping.resource_bytes(), plain.resource_bytes()
        each = (ours - beside) / (_KEPT + 1)
        name, text = "state of each version that is kept", f"of the resource without: {shown(beside / 1000, ' KB')}"
        yield Outcome(name, shown(each, " bytes"), text, each, (each, each), Goal(400, unit=" bytes"))
    yield from _changed(scratch / "changed")


def _changed(scratch: Path) -> Iterator[Outcome]:
    """A change of every snapshot: creates the new records, and deletes the versions that are no longer kept."""
    scratch.mkdir()
    with emulator(scratch) as api:
        stacks = [Stack(scratch / name, api, "") for name in ("keeping", "plain")]
        for version in range(_KEPT + 1):
            _deploy(stacks[0], _CHANGED, version, f", keep={_KEPT}")
        _deploy(stacks[1], _CHANGED, 0, "")
        numbers = iter(range(100, 200))

        def change(stack: Stack, keep: str) -> float:
            stack.program(_PROGRAM.format(name=_name(keep), count=_CHANGED, version=next(numbers), keep=keep))
            return stack.up()

        sides = alternate(lambda: change(stacks[0], f", keep={_KEPT}"), lambda: change(stacks[1], ""), ENGINE_RUNS)
    name = f"a change of {_CHANGED} snapshots with keep={_KEPT}, of which as many versions go"
    yield Outcome(name, seconds(sides.ours), f"without keep: {seconds(sides.beside)}", *sides.ratio(), Goal(1.15))


def _stack(scratch: Path, api: Emulator, keep: str) -> Stack:
    """Return a stack of many snapshots: one with a history is deployed, the others are copies of it in the state."""
    stack = Stack(scratch / ("keeping" if keep else "plain"), api, "")
    for version in range(_KEPT + 1):
        _deploy(stack, 1, version, keep)
    stack.multiply(_COUNT, _copy)
    stack.program(_PROGRAM.format(name=_name(keep), count=_COUNT, version=_KEPT, keep=keep))
    return stack


def _name(keep: str) -> str:
    """Return the name of a side's snapshots; with equal names, two stacks would take over each other's records."""
    return _NAMES[bool(keep)]


def _deploy(stack: Stack, count: int, version: int, keep: str) -> None:
    stack.program(_PROGRAM.format(name=_name(keep), count=count, version=version, keep=keep))
    stack.up()


def _copy(first: str, number: int) -> str:
    for part in (*_NAMES, "of"):
        first = first.replace(f"{part}-0", f"{part}-{number}")
    return first.replace(_content_hash(0), _content_hash(number))


def _content_hash(number: int) -> str:
    content = {"NUMBER": f"of-{number}", "VERSION": str(_KEPT)}
    return Manifest.base().apt_install(["ripgrep"]).env(content).cache_key()
