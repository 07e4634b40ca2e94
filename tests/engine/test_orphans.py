"""A provider whose engine was killed finishes what it has begun, then exits."""

from __future__ import annotations

import os
import signal

from adapters import DYNAMIC, only
from emulator_process import Emulator, wait_until
from project import Project, is_alive

BUILDS = """
    for name in ("one", "other"):
        Snapshot(name, Manifest.base().run_commands("SLEEP_BUILD_2"), name=name)
"""

OTHERS = """
    from pulumi.dynamic import CreateResult, Resource, ResourceProvider

    class Slow(ResourceProvider):
        def create(self, props):
            import pathlib, time
            folder = pathlib.Path(props["folder"])
            (folder / "begun").touch()
            while not (folder / "go on").exists():
                time.sleep(0.05)
            (folder / "done").touch()
            return CreateResult("slow")

    class Wait(Resource):
        pass

    image = Image("image", Manifest.base())
    Wait(Slow(), "slow", {"folder": "FOLDER"}, pulumi.ResourceOptions(depends_on=image))
"""


def test_it_ends_once_its_build_is_done(project: Project, emulator: Emulator) -> None:
    """The running build is completed, nothing else is started, and no process with the key is left."""
    project.program(BUILDS)
    with project.start() as running:
        provider = running.provider()
        wait_until(lambda: [build["outcome"] for build in emulator.builds()] == ["running"])
        running.kill()
        assert is_alive(provider)
        wait_until(lambda: not is_alive(provider))
    assert [build["outcome"] for build in emulator.builds()] == ["ready"]
    assert len(emulator.snapshots()) == 1


def test_it_ends_where_nothing_is_under_way(project: Project, emulator: Emulator) -> None:
    """A provider that only answered a check exits too."""
    project.program("""
    import time
    Image("early", Manifest.base()).status.apply(lambda _: time.sleep(600))
    """)
    with project.start() as running:
        provider = running.provider()
        wait_until(lambda: "ready in" in running.text())
        running.kill()
        wait_until(lambda: not is_alive(provider))
        os.killpg(running.group, signal.SIGKILL)


@only(DYNAMIC)
def test_it_lets_the_calls_of_other_providers_end(project: Project) -> None:
    """The process may also serve dynamic providers written by the program's author."""
    project.program(OTHERS.replace("FOLDER", str(project.folder)))
    with project.start() as running:
        provider = running.provider()
        wait_until((project.folder / "begun").exists)
        running.kill()
        # There is no sign that the provider has noticed, but without a running call it would exit much sooner than
        # after this many checks.
        assert all(is_alive(provider) for _ in range(100))
        (project.folder / "go on").touch()
        wait_until(lambda: not is_alive(provider))
    assert (project.folder / "done").exists()
