"""The time of up, preview and refresh of many resources when nothing has changed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from emulator_process import Emulator
from pulumi_opencomputer import Manifest

from .measure import ENGINE_RUNS, Goal, Outcome, Sides, alternate, growth_per, in_turns, seconds, shown
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

from benchmarks.others import Nothing

for number in range({count}):
    steps = [{{"aptInstall": ["ripgrep"]}}, {{"env": {{"NUMBER": f"of-{{number}}"}}}}]
    manifest = {{"base": "base", "steps": steps}}
    image = Nothing(f"image-{{number}}", manifest, "")
    Nothing(f"snapshot-{{number}}", manifest, f"name-{{number}}", pulumi.ResourceOptions(depends_on=[image]))
"""

#: Number of snapshots → number of runs of each side.
_SIZES = {1: 7, 100: 5, 1000: ENGINE_RUNS}
_MOST = max(_SIZES)
_HELD_BY = "Pulumi's outputs (next row)"
_PAIRS = 100


def unchanged(scratch: Path) -> Iterator[Outcome]:
    """``pulumi up`` without changes, with 1, 100 and 1,000 snapshots; the size of each in the state."""
    with emulator(scratch) as api:
        stacks = {count: _stacks(scratch, api, count) for count in _SIZES}
        api.forget_requests()
        times = {count: in_turns(*(stack.up for stack in stacks[count]), runs=_SIZES[count]) for count in _SIZES}
        if asked := _requests(api):
            raise RuntimeError(f"a run without changes asked the API: {asked}")
    grown = growth_per("snapshot", list(times), [statistics.median(ours) for ours, *_ in times.values()])
    beside_outputs = _beside_outputs(Sides(times[_MOST][0], times[_MOST][2]))
    for count, (ours, nothing, *_) in times.items():
        of_most = (grown, _HELD_BY if beside_outputs.met else "") if count == _MOST else ("", "")
        yield _unchanged(count, Sides(ours, nothing), *of_most)
    yield beside_outputs
    few, many = (stacks[count][0].resource_bytes() for count in (1, _MOST))
    name, text = "state of a snapshot, in a stack of 1,000", f"in a stack of 1: {shown(few / 1000, ' KB')}"
    yield Outcome(name, shown(many / 1000, " KB"), text, many / few, (many / few, many / few), Goal(1.05))


def _unchanged(count: int, sides: Sides, grown: str, held_by: str) -> Outcome:
    name = f"pulumi up without changes, {count:,} snapshot{'s' if count > 1 else ''}"
    text = f"resources that do nothing: {seconds(sides.beside)}"
    if count > 1:
        return Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(1.15), grown, held_by=held_by)
    figure, (low, high) = sides.excess()
    spread = (low * 1000, high * 1000)
    return Outcome(name, seconds(sides.ours), text, figure * 1000, spread, Goal(150, unit=" ms"), grown)


def _beside_outputs(sides: Sides) -> Outcome:
    """Compare with resources that have the same outputs: that cost is the lower limit for any provider."""
    text = f"resources that do nothing, with a snapshot's outputs: {seconds(sides.beside)}"
    return Outcome(f"the same, {_MOST:,} snapshots", seconds(sides.ours), text, *sides.ratio(), Goal(1.15))


def _stacks(scratch: Path, api: Emulator, count: int) -> list[Stack]:
    """Return deployed stacks of `Snapshot`, of `Nothing` and, for the largest count, of `Outputs` resources."""
    stacks = []
    for resource in ("Snapshot", "Nothing", "Outputs") if count == _MOST else ("Snapshot", "Nothing"):
        program = _SNAPSHOTS if resource == "Snapshot" else _NOTHINGS
        stack = Stack(scratch / f"{resource}-{count}", api, program.format(count=1, resource=resource))
        stack.up()
        stack.multiply(count, _copy)
        stack.program(program.format(count=count, resource=resource))
        stacks.append(stack)
    api.clear()
    return stacks


def _copy(first: str, number: int) -> str:
    """Return the state of a resource, made from that of number 0."""
    for part in ("snapshot", "name", "of"):
        first = first.replace(f"{part}-0", f"{part}-{number}")
    return first.replace(_content_hash(0), _content_hash(number))


def _content_hash(number: int) -> str:
    return Manifest.base().apt_install(["ripgrep"]).env({"NUMBER": f"of-{number}"}).cache_key()


def refreshed(scratch: Path) -> Iterator[Outcome]:
    """``pulumi preview`` and ``pulumi refresh`` of 100 snapshots and 100 images."""
    with emulator(scratch) as api:
        ours = Stack(scratch / "ours", api, _SNAPSHOTS_OF_IMAGES.format(count=_PAIRS))
        nothing = Stack(scratch / "nothing", api, _PAIRS_OF_NOTHINGS.format(count=_PAIRS))
        ours.up()
        nothing.up()
        what = f"{_PAIRS} snapshots and {_PAIRS} images"
        yield _compared(f"pulumi preview, {what}", ours.preview, nothing.preview, Goal(1.15))
        yield _compared(f"pulumi refresh, {what}", ours.refresh, nothing.refresh, None)
        api.forget_requests()
        ours.refresh()
        count = len(_requests(api))
    name, text = "requests of that refresh", "one a snapshot, and one list"
    yield Outcome(name, str(count), text, count, (count, count), Goal(_PAIRS + 1, unit=" requests"))


def _compared(name: str, ours: Callable[[], float], nothing: Callable[[], float], goal: Goal | None) -> Outcome:
    sides = alternate(ours, nothing, ENGINE_RUNS)
    text = f"resources that do nothing: {seconds(sides.beside)}"
    return Outcome(name, seconds(sides.ours), text, *sides.ratio(), goal)


def _requests(api: Emulator) -> list[str]:
    asked = [f"{entry['method']} {entry['path']}" for entry in api.requests()]
    return [request for request in asked if " /_emulator" not in request]
