"""A headless Chromium, told what to do by its own protocol over a pipe.

A page's test needs ten of the protocol's commands, and a driver of browsers would be the largest thing that is
installed here, so there is none.
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
# The browser reads commands from descriptor 3, and answers on descriptor 4.
_LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class BrowserError(RuntimeError):
    """The browser refuses a command, or a script on the page fails."""


def find_browser() -> str | None:
    """Return where a Chromium is, or None if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One browser with one page.

    Attributes:
        requested: The address of everything that the page asked for.
        complaints: What the page wrote on the console, its exceptions, and what its policy forbade.
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
        """Go to an address, and wait until what it is made of is there."""
        self.command("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """Return what an expression gives on the page, a promise's value included."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """Evaluate an expression until it is true, and return what it gave."""
        end = time.monotonic() + _DEADLINE
        while not (value := self.evaluate(script)):
            assert time.monotonic() < end, f"this did not come true: {script}; {self.complaints}"
            time.sleep(0.02)
        return value

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the page a size, in its own pixels; a phone is touched and scrolls as one."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def prefer(self, scheme: str) -> None:
        """Let the system prefer ``light`` or ``dark``."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key: str) -> None:
        """Press and let go of a key, such as ``Enter`` or ``Tab``."""
        codes = {"Enter": (13, "\r"), "Tab": (9, "")}
        code, text = codes[key]
        self.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text)
        self.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def enter(self, text: str) -> None:
        """Type a text where the focus is."""
        self.command("Input.insertText", text=text)

    def screenshot(self) -> bytes:
        """Return what is in sight, as a PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def command(self, method: str, **parameters: Any) -> Any:
        """Give the page a command of the protocol, and return its answer."""
        return self._command(method, self._session, **parameters)

    def close(self) -> None:
        """End the browser."""
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
        # Away from 3 and 4, where the browser looks for them.
        inherited = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (commands, answers)]
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # Root, as in a container, can't have a sandbox of the browser's.
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
