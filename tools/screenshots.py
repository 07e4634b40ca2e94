"""Create the pictures of the emulator's page in docs/images: ``make screenshots``.

A Chromium must be on PATH. The emulator's state has an example of everything that the page shows.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "testing"))

from browser import Browser, find_browser  # noqa: E402
from emulator_process import Emulator, wait_until  # noqa: E402

IMAGES = ROOT / "docs" / "images"
_DESK = (1120, 600)
_PHONE = (390, 640)
_TOOLS = ("ripgrep", "jq", "fd-find", "git", "curl", "sqlite3", "graphviz", "poppler-utils")


def main() -> int:
    """Create all pictures; return the exit code."""
    program = find_browser()
    if program is None:
        print("There is no Chromium on PATH. On Debian, run apt-get install chromium.", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Emulator(Path(scratch) / "emulator") as emulator,
        Browser(program, Path(scratch) / "profile") as browser,
        busy(emulator),
    ):
        for name, size, scheme, section, phone in (
            ("emulator-desk-light", _DESK, "light", "snapshots", False),
            ("emulator-phone-dark", _PHONE, "dark", "builds", True),
        ):
            browser.resize(*size, phone=phone)
            browser.prefer(scheme)
            browser.open(f"{emulator.url}/#{section}")
            browser.wait_for("document.querySelector('#list-builds .log')?.textContent.includes('Step 2/3')")
            browser.wait_for("document.querySelectorAll('#list-snapshots li').length === 8")
            browser.evaluate("document.querySelector('#list-builds details').open = true")
            picture = IMAGES / f"{name}.png"
            picture.write_bytes(browser.screenshot())
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} KB")
    return 0


@contextmanager
def busy(emulator: Emulator) -> Iterator[None]:
    """Give an emulator snapshots, a failed build, a running build, a sandbox and a fault."""
    for tool in _TOOLS:
        create(emulator, f"{tool}-tools", steps("true", tool))
    emulator.ask("POST", "/api/sandboxes", {"snapshot": "jq-tools"})
    told = {"step": 1, "exit": 100, "stderr": "E: Unable to locate package nosuchpackage"}
    emulator.fail({"kind": "build", "contains": "nosuchpackage", "outcome": "fail", **told})
    emulator.ask("POST", "/api/snapshots?async=1", {"name": "broken", "image": steps("true", "nosuchpackage")})
    wait_until(lambda: emulator.snapshot("broken")["status"] == "failed")
    emulator.ask("DELETE", "/api/snapshots/broken")
    running = threading.Thread(target=create, args=(emulator, "toolchain", steps("SLEEP_BUILD_200", "build-essential")))
    running.start()
    try:
        yield
    finally:
        emulator.advance(200)
        running.join()


def create(emulator: Emulator, name: str, image: dict[str, Any]) -> None:
    """Create a snapshot."""
    emulator.ask("POST", "/api/snapshots", {"name": name, "image": image})


def steps(command: str, package: str) -> dict[str, Any]:
    """Return a manifest with three steps."""
    return {
        "base": "base",
        "steps": [
            {"type": "apt_install", "args": {"packages": [package]}},
            {"type": "run", "args": {"commands": [f"echo {package}", command]}},
            {"type": "workdir", "args": {"path": "/workspace"}},
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
