"""A headless Chromium, controlled with the DevTools protocol over a pipe.

The tests of pages need only ten of the protocol's commands, so there is no need for a browser driver, which would be
the largest of this project's dependencies.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_DEADLINE = 30.0
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--proxy-server=direct://",
)
# The browser reads commands from file descriptor 3, and writes responses to descriptor 4.
_LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class BrowserError(RuntimeError):
    """The browser rejected a command, or a script on the page failed."""


def find_browser() -> str | None:
    """Return the path of a Chromium, or None if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One browser with one page.

    Attributes:
        requested: The URLs of all requests of the page.
        complaints: The page's console messages, its exceptions, and violations of its content security policy.
    """

    def __init__(self, program: str, profile: Path) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._last = 0
        self._buffer = b""
        self._start(program, profile)
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def open(self, url: str) -> None:
        """Open a URL, and wait until everything on the page is loaded."""
        self.command("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression on the page; for a promise, wait for its value."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """Evaluate an expression until it is truthy, and return its value."""
        end = time.monotonic() + _DEADLINE
        while not (value := self.evaluate(script)):
            assert time.monotonic() < end, f"this did not come true: {script}; {self.complaints}"
            time.sleep(0.02)
        return value

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Resize the page, in CSS pixels; with `phone`, emulate a phone's touch and scrolling."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def prefer(self, scheme: str) -> None:
        """Set the colour scheme that the system prefers, ``light`` or ``dark``."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key: str) -> None:
        """Press and release a key, such as ``Enter`` or ``Tab``."""
        codes = {"Enter": (13, "\r"), "Tab": (9, "")}
        code, text = codes[key]
        self.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text)
        self.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def enter(self, text: str) -> None:
        """Type text into the focused element."""
        self.command("Input.insertText", text=text)

    def screenshot(self) -> bytes:
        """Return the visible part of the page as a PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def command(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol to the page, and return its result."""
        return self._command(method, self._session, **parameters)

    def close(self) -> None:
        """Stop the browser."""
        self._process.kill()
        self._process.wait(_DEADLINE)
        os.close(self._to_browser)
        os.close(self._from_browser)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attach(self) -> None:
        target = self._command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.command(f"{domain}.enable")

    def _start(self, program: str, profile: Path) -> None:
        commands, self._to_browser = os.pipe()
        self._from_browser, answers = os.pipe()
        # Use descriptors from 10 up here: the launcher copies them to 3 and 4.
        inherited = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (commands, answers)]
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # The browser's sandbox does not work as root, the user in most containers.
            flags.append("--no-sandbox")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, *map(str, inherited), program, *flags],
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for descriptor in (commands, answers, *inherited):
            os.close(descriptor)

    def _command(self, method: str, session: str | None = None, /, **parameters: Any) -> Any:
        self._last += 1
        wanted = self._last
        command = {"id": wanted, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._to_browser, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next_message()
            if message.get("id") == wanted:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']}")
                return message["result"]
            self._hear(message)

    def _next_message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from_browser], [], [], _DEADLINE)
            data = os.read(self._from_browser, 1 << 20) if ready else b""
            if not data:
                raise BrowserError("the browser says nothing any more")
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _hear(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method", ""), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(parameters))
