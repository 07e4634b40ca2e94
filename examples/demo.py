"""The quickstart from the first `pulumi up` to `pulumi destroy`, against an emulated OpenComputer API on this machine.

Run it with `make demo`. It needs no account: the real Pulumi CLI deploys a copy of `examples/quickstart`, with its
state in a temporary folder, and each act is checked through the API. The exit code is 0 only if every check passed.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import httpx

API_KEY = "demo"
QUICKSTART = Path(__file__).resolve().parent / "quickstart"
TOOLS = QUICKSTART.parents[1] / ".tools" / "bin"
EMULATOR = [sys.executable, "-m", "pulumi_opencomputer.emulator", "--port", "0", "--step-seconds", "0.3"]

NAMED = "toolchain"
OLD_PACKAGE, NEW_PACKAGE = '"pandas==2.2.3"', '"pandas==2.3.1"'
# The emulator lets a command with this word fail.
GOOD_IMAGE, BAD_IMAGE = '"daily", image', '"daily", toolchain.run_commands("FAIL_BUILD")'

SECONDS_TO_START = 30.0
SECONDS_TO_STOP = 60.0

Record = dict[str, Any]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class DemoError(Exception):
    """Something did not happen as the demo says."""


def main() -> int:
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="opencomputer-demo-", ignore_cleanup_errors=True) as folder:
            play(Path(folder))
    except DemoError as error:
        say(f"The demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        say("The demo left nothing behind.")
        return 130
    say(f"All of it happened as announced, in {time.monotonic() - started:.0f} s. The demo left nothing behind.")
    return 0


def play(folder: Path) -> None:
    """Run the acts, one after the other."""
    with emulator(folder / "api") as url, httpx.Client(trust_env=False) as http:
        api = Api(url, http)
        project = Project(folder, url)
        project.pulumi("stack", "init", "demo")
        create(project, api)
        run_again(project, api)
        replace(project, api)
        fail(project, api)
        destroy(project, api)


def create(project: Project, api: Api) -> None:
    heading("1. pulumi up: one image is built, two snapshots put it under a name")
    log = project.up()
    outputs, records = project.outputs(), api.records()
    require(set(records) == {NAMED, outputs["trial"]}, f"there are two snapshots, {NAMED} and {outputs['trial']}")
    require(all(record["status"] == "ready" for record in records.values()), "both are ready")
    require(
        all(hash_of(record) == outputs["image"] for record in records.values()), "both hold the image that was planned"
    )
    require(embedded_files(records[NAMED]) == ["hello.py"], "the local directory is in it")
    require("[1/6] apt install ripgrep jq" in log and "ready in" in log, "the log shows the build's steps")


def run_again(project: Project, api: Api) -> None:
    heading("2. pulumi up again: nothing changed, so nothing is done")
    before = api.records()
    log = project.up()
    require("4 unchanged" in log, "Pulumi left the stack and its three resources alone")
    require(api.records() == before, "no snapshot was touched")


def replace(project: Project, api: Api) -> None:
    heading("3. One line changes: the new image is built first, then the snapshots move to it")
    before, trial = api.records(), project.outputs()["trial"]
    project.edit(OLD_PACKAGE, NEW_PACKAGE)
    log = project.up()
    outputs, after = project.outputs(), api.records()
    require("3 replaced" in log, "image and snapshots were replaced")
    require(set(after) == {NAMED, outputs["trial"]}, "there are two snapshots, as before")
    require(after[NAMED]["id"] != before[NAMED]["id"], f"{NAMED} is a new snapshot under the old name")
    require(outputs["trial"] != trial and trial not in after, "the generated name is new, and the old one gone")
    require(all(hash_of(record) == outputs["image"] for record in after.values()), "both hold the new image")


def fail(project: Project, api: Api) -> None:
    heading(f"4. A step that fails: so does the update, and {NAMED} stays as it was")
    before, outputs = api.records(), project.outputs()
    project.edit(GOOD_IMAGE, BAD_IMAGE)
    log = project.up(fails=True)
    require("The build failed at step 7 (run) with exit code 1" in log, "the error names the step and its exit code")
    require(api.records() == before, "both snapshots are as before, down to their IDs")
    require(project.outputs() == outputs, "so are the stack's outputs")


def destroy(project: Project, api: Api) -> None:
    heading("5. pulumi destroy: no snapshot is left")
    project.pulumi("destroy", "--yes", "--skip-preview")
    require(api.records() == {}, "the API has no named snapshot any more")
    project.pulumi("stack", "rm", "demo", "--yes")


class Api:
    """The emulated API, which knows what is really there."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self._url = url
        self._http = http

    def records(self) -> dict[str, Record]:
        """All named snapshots by name."""
        try:
            answer = self._http.get(f"{self._url}/api/snapshots", headers={"X-API-Key": API_KEY})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(f"the emulator should list its snapshots: {error}") from error
        return {record["name"]: record for record in answer.json()}


class Project:
    """A copy of the quickstart, with a state folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder / "quickstart"
        shutil.copytree(QUICKSTART, self._folder, ignore=shutil.ignore_patterns("__pycache__", ".venv", "venv"))
        (folder / "state").mkdir()
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "OPENCOMPUTER_"))
        }
        path = os.pathsep.join([str(Path(sys.executable).parent), str(TOOLS), os.environ.get("PATH", "")])
        require_quietly(shutil.which("pulumi", path=path) is not None, "there is no pulumi on PATH: run make setup.")
        self._environment = inherited | {
            "PATH": path,
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_CONFIG_PASSPHRASE": "demo",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "OPENCOMPUTER_API_URL": url,
            "OPENCOMPUTER_API_KEY": API_KEY,
        }

    def edit(self, old: str, new: str) -> None:
        """Change a line of the program, and show it."""
        program = self._folder / "__main__.py"
        text = program.read_text(encoding="utf-8")
        require_quietly(text.count(old) == 1, f"the quickstart should hold {old} once")
        line = next(line for line in text.splitlines() if old in line)
        print(f"   - {line.strip()}\n   + {line.replace(old, new).strip()}", flush=True)
        program.write_text(text.replace(old, new), encoding="utf-8")

    def up(self, *, fails: bool = False) -> str:
        """Run `pulumi up`, and return what it printed."""
        return self.pulumi("up", "--yes", "--skip-preview", fails=fails)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        command = ["pulumi", "stack", "output", "--json"]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        require_quietly(done.returncode == 0, f"pulumi stack output should succeed: {done.stderr.strip()}")
        outputs: dict[str, Any] = json.loads(done.stdout)
        return outputs

    def pulumi(self, *arguments: str, fails: bool = False) -> str:
        """Run the CLI, show its output as it comes, and return it.

        Args:
            arguments: The command line behind `pulumi`.
            fails: Whether it must fail, rather than succeed.
        """
        print(f"\n$ pulumi {' '.join(arguments)}", flush=True)
        colour = "always" if sys.stdout.isatty() else "never"
        command = ["pulumi", *arguments, "--non-interactive", "--color", colour]
        with running(command, self._folder, self._environment, stderr=subprocess.STDOUT) as process:
            lines = [show(line) for line in process.stdout or ()]
        expected = "fail" if fails else "succeed"
        require_quietly((process.returncode != 0) == fails, f"pulumi {arguments[0]} should {expected}; see above.")
        return _COLOURS.sub("", "".join(lines))


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """Run the emulator with its data in a folder, and give its address."""
    heading("An OpenComputer API on this machine: emulated, so steps take their time but install nothing")
    folder.mkdir()
    command = [*EMULATOR, "--data", str(folder / "data"), "--api-key", API_KEY]
    with (
        (folder / "log").open("w") as log,
        running(command, Path.cwd(), dict(os.environ), stderr=log) as process,
    ):
        url = announced_url(process, folder / "log")
        print(f"   {url}", flush=True)
        yield url
        process.terminate()


def announced_url(process: subprocess.Popen[str], log: Path) -> str:
    """The address in the one line of JSON that the emulator prints when it listens."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], SECONDS_TO_START)
    line = process.stdout.readline() if ready else ""
    require_quietly(line.startswith("{"), f"the emulator should start.\n{log.read_text().strip()}")
    return str(json.loads(line)["url"])


@contextmanager
def running(
    command: list[str], folder: Path, environment: dict[str, str], *, stderr: int | IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """Run a process in a session of its own, which Ctrl-C does not reach. The demo ends it in an orderly way."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
    except BaseException:
        process.send_signal(signal.SIGINT)
        raise
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Wait for a process; kill it, and those of its group, if that takes too long or is interrupted again."""
    try:
        process.communicate(timeout=SECONDS_TO_STOP)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def hash_of(record: Record) -> str:
    """A record's content hash, without the name that the API adds to it."""
    return str(record["contentHash"]).partition(":named:")[0]


def embedded_files(record: Record) -> list[str]:
    """The files of the directories that a snapshot's manifest embeds."""
    steps = record["manifest"]["steps"]
    return [file["relativePath"] for step in steps if step["type"] == "add_dir" for file in step["args"]["files"]]


def heading(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def show(line: str) -> str:
    print(f"   {line}", end="", flush=True)
    return line


def require(condition: bool, claim: str) -> None:
    """Check a claim, and say it."""
    require_quietly(condition, f"it is not so that {claim}.")
    print(f"   ok: {claim}", flush=True)


def require_quietly(condition: bool, message: str) -> None:
    if not condition:
        raise DemoError(message)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    say("Interrupted; ending what runs …")
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
