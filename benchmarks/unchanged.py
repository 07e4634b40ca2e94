"""What a user waits for when nothing has changed: up, preview and refresh of many resources."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from emulator_process import Emulator
from pulumi_opencomputer import Manifest

from .measure import ENGINE_RUNS, Goal, Outcome, Sides, growth_per, in_turns, seconds, shown
from .stack import Stack, emulator

_SNAPSHOTS = """
from pulumi_opencomputer import Manifest, Snapshot

for number in range({count}):
    manifest = Manifest.base().apt_install(["ripgrep"]).env({{"NUMBER": f"of-{{number}}"}})
    Snapshot(f"snapshot-{{number}}", manifest, name=f"name-{{number}}")
"""

_NOTHINGS = """
from benchmarks.others import {resource}

for number in range({count}):
    steps = [{{"aptInstall": ["ripgrep"]}}, {{"env": {{"NUMBER": f"of-{{number}}"}}}}]
    {resource}(f"snapshot-{{number}}", {{"base": "base", "steps": steps}}, f"name-{{number}}")
"""

_SNAPSHOTS_OF_IMAGES = """
from pulumi_opencomputer import Image, Manifest, Snapshot

for number in range({count}):
    image = Image(f"image-{{number}}", Manifest.base().apt_install(["ripgrep"]).env({{"NUMBER": f"of-{{number}}"}}))
    Snapshot(f"snapshot-{{number}}", image, name=f"name-{{number}}")
"""

_PAIRS_OF_NOTHINGS = """
import pulumi

from benchmarks.others import {resource}

for number in range({count}):
    steps = [{{"aptInstall": ["ripgrep"]}}, {{"env": {{"NUMBER": f"of-{{number}}"}}}}]
    manifest = {{"base": "base", "steps": steps}}
    image = Nothing(f"image-{{number}}", manifest, "")
    Nothing(f"snapshot-{{number}}", manifest, f"name-{{number}}", pulumi.ResourceOptions(depends_on=[image]))
"""

#: How many snapshots, and how often each side runs.
_SIZES = {1: 7, 100: 5, 1000: ENGINE_RUNS}
_PAIRS = 100
#: The other sides: what a class of `others` is for people.
_BESIDE = {"Nothing": "resources that do nothing", "Outputs": "the same, with the outputs of a snapshot"}


def unchanged(scratch: Path) -> Iterator[Outcome]:
    """``pulumi up`` without changes, at 1, 100 and 1,000 snapshots; what each takes in the state."""
    with emulator(scratch) as api:
        stacks = {count: _stacks(scratch, api, count) for count in _SIZES}
        api.forget_requests()
        times = {count: in_turns(*(stack.up for stack in stacks[count]), runs=runs) for count, runs in _SIZES.items()}
        if asked := _requests(api):
            raise RuntimeError(f"a run without changes asked the API: {asked}")
    grown = growth_per("snapshot", list(times), [statistics.median(ours) for ours, *_ in times.values()])
    for count, (ours, *others) in times.items():
        for text, beside in zip(_BESIDE.values(), others, strict=True):
            yield _unchanged(count, Sides(ours, beside), text, grown if count == max(times) else "")
    few, many = (stacks[count][0].resource_bytes() for count in (1, max(_SIZES)))
    name, text = "state of a snapshot, in a stack of 1,000", f"in a stack of 1: {shown(few / 1000, ' KB')}"
    yield Outcome(name, shown(many / 1000, " KB"), text, many / few, (many / few, many / few), Goal(1.05))


def _unchanged(count: int, sides: Sides, beside: str, grown: str) -> Outcome:
    name = f"pulumi up without changes, {count:,} snapshot{'s' if count > 1 else ''}"
    text = f"{beside}: {seconds(sides.beside)}"
    if count > 1:
        return Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(1.15), grown)
    figure, (low, high) = sides.excess()
    spread = (low * 1000, high * 1000)
    return Outcome(name, seconds(sides.ours), text, figure * 1000, spread, Goal(150, unit=" ms"), grown)


def _stacks(scratch: Path, api: Emulator, count: int) -> list[Stack]:
    """A stack of snapshots, and one for each of the other sides, deployed."""
    stacks = []
    for resource in ("Snapshot", *_BESIDE):
        program = partial((_NOTHINGS if resource in _BESIDE else _SNAPSHOTS).format, resource=resource)
        stack = Stack(scratch / f"{resource}-{count}", api, program(count=1))
        stack.up()
        stack.multiply(count, _copy)
        stack.program(program(count=count))
        stacks.append(stack)
    api.clear()
    return stacks


def _copy(first: str, number: int) -> str:
    """The state of one of the programs' resources, out of that of number 0."""
    for part in ("snapshot", "name", "of"):
        first = first.replace(f"{part}-0", f"{part}-{number}")
    return first.replace(_content_hash(0), _content_hash(number))


def _content_hash(number: int) -> str:
    return Manifest.base().apt_install(["ripgrep"]).env({"NUMBER": f"of-{number}"}).cache_key()


def refreshed(scratch: Path) -> Iterator[Outcome]:
    """``pulumi preview`` and ``pulumi refresh`` of 100 snapshots and 100 images."""
    with emulator(scratch) as api:
        ours = Stack(scratch / "ours", api, _SNAPSHOTS_OF_IMAGES.format(count=_PAIRS))
        others = [
            Stack(scratch / resource, api, _PAIRS_OF_NOTHINGS.format(count=_PAIRS, resource=resource))
            for resource in _BESIDE
        ]
        for stack in (ours, *others):
            stack.up()
        what = f"{_PAIRS} snapshots and {_PAIRS} images"
        yield from _compared(f"pulumi preview, {what}", [stack.preview for stack in (ours, *others)], Goal(1.15))
        yield from _compared(f"pulumi refresh, {what}", [stack.refresh for stack in (ours, *others)], None)
        api.forget_requests()
        ours.refresh()
        count = len(_requests(api))
    name, text = "requests of that refresh", "one a snapshot, and one list"
    yield Outcome(name, str(count), text, count, (count, count), Goal(_PAIRS + 1, unit=" requests"))


def _compared(name: str, sides: Sequence[Callable[[], float]], goal: Goal | None) -> Iterator[Outcome]:
    ours, *others = in_turns(*sides, runs=ENGINE_RUNS)
    for text, beside in zip(_BESIDE.values(), others, strict=True):
        compared = Sides(ours, beside).ratio()
        yield Outcome(name, seconds(ours), f"{text}: {seconds(beside)}", *compared, goal)


def _requests(api: Emulator) -> list[str]:
    asked = [f"{entry['method']} {entry['path']}" for entry in api.requests()]
    return [request for request in asked if " /_emulator" not in request]
