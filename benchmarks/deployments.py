"""The size of a deployment's state, and many builds at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from emulator_process import Emulator

from .measure import ENGINE_RUNS, Goal, Outcome, alternate, seconds, shown
from .stack import Stack, emulator

_EMBEDDING = """
from pulumi_opencomputer import Manifest, Snapshot

Snapshot("data", Manifest.base().add_local_dir({directory!r}, "/data"), name={name!r})
"""

_DOCUMENTED = """
from benchmarks.others import DocumentedSnapshot
from opencomputer import Image

DocumentedSnapshot("data", Image.base().add_local_dir({directory!r}, "/data"), "documented")
"""

_BUILDS = """
from {module} import Manifest, Snapshot

for number in range({count}):
    manifest = Manifest.base().run_commands("SLEEP_BUILD_{seconds}", f"echo {run}-{{number}}")
    Snapshot(f"snapshot-{{number}}", manifest, name=f"name-{run}-{{number}}")
"""

_MODULES = {"dynamic": "pulumi_opencomputer", "plugin": "pulumi_opencomputer.native"}

_SLEEPS = """
from benchmarks.others import Sleep

for number in range({count}):
    Sleep(f"sleep-{{number}}", {seconds})
"""


def state(scratch: Path) -> Iterator[Outcome]:
    """A resource that embeds 64 MB of local files; the other side would take minutes for that, so it embeds 8 MB."""
    few, many = (_data(scratch / f"data-{megabytes}", megabytes) for megabytes in (8, 64))
    with emulator(scratch) as api:
        of_few = _deployed(scratch / "ours-8", api, _EMBEDDING.format(directory=few, name="few"))
        of_many = _deployed(scratch / "ours-64", api, _EMBEDDING.format(directory=many, name="many"))
        documented = _deployed(scratch / "documented", api, _DOCUMENTED.format(directory=few))
    text = f"a dynamic provider with to_dict(), of 8 MB only: {shown(documented / 1000, ' KB')}"
    name, figure = "state of a resource with 64 MB of local files", of_many / 1000
    grown = f"8 MB: {shown(of_few / 1000, ' KB')}"
    yield Outcome(name, shown(figure, " KB"), text, figure, (figure, figure), Goal(10, unit=" KB"), grown)


def _data(directory: Path, megabytes: int) -> str:
    directory.mkdir()
    for number in range(megabytes):
        (directory / f"file-{number}").write_bytes(random.Random(number).randbytes(1_000_000))
    return str(directory)


def _deployed(folder: Path, api: Emulator, program: str) -> int:
    stack = Stack(folder, api, program)
    stack.up()
    return stack.resource_bytes()


def parallel(scratch: Path) -> Iterator[Outcome]:
    """32 parallel builds of two seconds, with the dynamic provider and with the plugin."""
    count, build_seconds = 32, 2
    stacks = iter(range(1000))
    with emulator(scratch) as api:

        def deploy(program: str, module: str = "") -> float:
            run = next(stacks)
            text = program.format(count=count, seconds=build_seconds, run=run, module=module)
            return Stack(scratch / f"stack-{run}", api, text).up("--parallel", str(count))

        for which, module in _MODULES.items():
            sides = alternate(partial(deploy, _BUILDS, module), partial(deploy, _SLEEPS), ENGINE_RUNS)
            name = f"{count} builds of {build_seconds} s, --parallel {count}, {which}"
            text = f"resources that sleep, with a wide pool: {seconds(sides.beside)}"
            yield Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(1.25))
