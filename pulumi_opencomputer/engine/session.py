"""What a provider's process knows, between the calls that the engine makes to it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping

from ..config import Settings, resolve, resolve_url
from ..lifecycle import Lifecycle
from ..lifecycle.progress import Log, Severity
from .log import EngineLog
from .threadpool import widen


class Session:
    """What this process knows: one lifecycle, the engine's log, the stack's configuration."""

    def __init__(self, engine: str) -> None:
        """Prepare it; nothing is sent.

        Args:
            engine: The engine's gRPC address.
        """
        self._config: Mapping[str, str | None] = {}
        self._engine = EngineLog(engine)
        self._warned: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self.lifecycle = Lifecycle(self._settings, self._api_url)

    def configure(self, config: Mapping[str, str | None]) -> None:
        """Take the settings, by the names that `config.NAMES` has."""
        self._config = config

    def log(self, urn: str) -> Log:
        """The log of one resource."""
        return self._engine.of(urn)

    def warn_once(self, urn: str, content: str, message: str) -> None:
        """Say a warning about a content on a resource's row, the first that has it.

        A check runs more than once in a process, and a snapshot has the manifest of its image.
        """
        with self._lock:
            if (content, message) in self._warned:
                return
            self._warned.add((content, message))
        self.log(urn)(Severity.WARNING, message)

    def _settings(self) -> Settings:
        return resolve(self._config, os.environ)

    def _api_url(self) -> str:
        return resolve_url(self._config, os.environ)


_session: list[Session] = []
_session_lock = threading.Lock()


def session() -> Session:
    """The session of a dynamic provider's process, made on first use.

    The process is shared with a user's other dynamic providers, so what is set up here for all of them
    can be switched off with ``OPENCOMPUTER_DEBUG=1``: one-line errors, and more threads than four.
    """
    with _session_lock:
        if not _session:
            _session.append(Session(sys.argv[1] if len(sys.argv) > 1 else ""))
            if os.environ.get("OPENCOMPUTER_DEBUG", "") in ("", "0"):
                sys.tracebacklimit = 0
                widen()
        return _session[0]
