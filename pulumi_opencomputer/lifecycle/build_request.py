"""A create request in its own thread, so that it can be abandoned if it only waits for someone else's build."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import APIError

if TYPE_CHECKING:
    from ..api.client import BuildOutcome, Client
    from ..api.events import BuildEvent


class HookFailedError(Exception):
    """Carries an error of the `before_last_byte` hook past the request's own error handling.

    Attributes:
        error: The error.
    """

    def __init__(self, error: APIError) -> None:
        super().__init__(str(error))
        self.error = error


class _LeftError(Exception):
    """Ends reading a stream that nobody needs any more."""


class BuildRequest:
    """A running create request.

    Attributes:
        has_begun: Whether the server has said anything about the build.
        sent_at: When the whole request was sent, on a monotonic clock; None before.
    """

    def __init__(
        self,
        client: Client,
        body: Any,
        *,
        timeout: float,
        on_event: Callable[[BuildEvent], None],
        on_upload: Callable[[int, int], None],
        before_end: Callable[[], None],
        before_last_byte: Callable[[float], None] | None = None,
    ) -> None:
        """Send the request.

        Args:
            client: The API.
            body: The request's body.
            timeout: The seconds that the whole call may take.
            on_event: Called for each event of the build.
            on_upload: Called with the number of bytes sent and the size of the whole body.
            before_end: Called when all but the last byte is sent, each time the request is sent.
            before_last_byte: Called after `before_end` with the seconds that it may take. The server waits meanwhile.
        """
        self.has_begun = False
        self.sent_at: float | None = None
        self._on_event = on_event
        self._on_upload = on_upload
        self._before_end = before_end
        self._before_last_byte = before_last_byte
        self._left = False
        self._ended = threading.Event()
        self._outcome: BuildOutcome | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(client, body, timeout), name="build", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait at most so many seconds for the request to end; return whether it has ended."""
        return self._ended.wait(seconds)

    @property
    def silence(self) -> float:
        """The seconds that the server has said nothing since the whole request was sent; 0 once it has answered."""
        return 0.0 if self.has_begun or self.sent_at is None else time.monotonic() - self.sent_at

    def result(self) -> BuildOutcome:
        """Return the outcome of a request that has ended, or raise its error."""
        self._ended.wait()
        if self._outcome is None:
            raise self._error or RuntimeError("a request ended without an outcome")
        return self._outcome

    def leave(self) -> None:
        """Stop reading at the server's next message. The stream's guard reads the rest, so no build is cancelled."""
        self._left = True

    def _run(self, client: Client, body: Any, timeout: float) -> None:
        try:
            self._outcome = client.create_snapshot(
                body,
                timeout=timeout,
                on_event=self._pass_on,
                on_upload=self._on_upload,
                on_quiet=lambda *_: self._go_on(),
                before_end=self._end,
                before_last_byte=self._hook if self._before_last_byte else None,
            )
        except BaseException as error:
            self._error = error
        self._ended.set()

    def _pass_on(self, event: BuildEvent) -> None:
        self._go_on()
        self.has_begun = True
        self._on_event(event)

    def _end(self) -> None:
        self._before_end()
        if self._before_last_byte is None:
            self.sent_at = time.monotonic()

    def _hook(self, seconds: float) -> None:
        try:
            if self._before_last_byte:
                self._before_last_byte(seconds)
        except APIError as error:
            raise HookFailedError(error) from error
        self.sent_at = time.monotonic()

    def _go_on(self) -> None:
        if self._left:
            raise _LeftError
