"""What a provider's process keeps between the engine's calls."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..config import LogSettings, Settings, is_quiet, resolve, resolve_logs, resolve_url
from ..errors import Problem
from ..lifecycle import Checked, Lifecycle
from ..lifecycle.detailed_diff import content_changes
from ..lifecycle.located import step_count
from ..lifecycle.log import Log, Severity
from ..manifest.places import Places
from .error_text import is_debugging
from .log import EngineLog
from .threadpool import calling_pool, raise_worker_limit
from .watch import when_gone


class Session:
    """What this process keeps: one lifecycle, the engine's log, the stack's configuration."""

    def __init__(self, engine: str) -> None:
        """Prepare the session; nothing is sent.

        Args:
            engine: The engine's gRPC address.
        """
        self._config: Mapping[str, str | None] = {}
        self._engine = EngineLog(engine)
        self._warned: set[tuple[str, Problem]] = set()
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self.lifecycle = Lifecycle(self._settings, self._api_url, logs=self._logs, run_log=self.log(""))

    def configure(self, config: Mapping[str, str | None]) -> None:
        """Apply the settings, by the names in `config.NAMES`."""
        self._config = config

    def log(self, urn: str) -> Log:
        """Return the log of one resource."""
        return self._engine.log_for(urn)

    def warn_once(self, urn: str, checked: Checked, places: Places) -> None:
        """Show each warning of a check once, on the status line of the first resource that it concerns.

        A resource may be checked several times in one process, and a snapshot has the same manifest as its image.

        Args:
            urn: The resource's URN.
            checked: The outcome of the check.
            places: Where the program declares the resource.
        """
        content = str(checked.inputs.get("contentHash"))
        for warning in checked.warnings:
            with self._lock:
                is_new = (content, warning) not in self._warned
                self._warned.add((content, warning))
            if is_new:
                self.log(urn)(Severity.WARNING, str(places.locate(warning, step_count(checked.inputs))))

    def say_changes(self, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Show in words, once for each content, how the content of checked inputs differs from a recorded state.

        Args:
            urn: The resource's URN.
            state: Its recorded outputs.
            inputs: Its checked inputs.
        """
        content = inputs.get("contentHash")
        if not isinstance(content, str) or content == state.get("contentHash") or self.lifecycle.hides_changes(urn):
            return
        with self._lock:
            is_new = (urn, content) not in self._told
            self._told.add((urn, content))
        if is_new and not is_quiet(self._logs) and (words := content_changes(state, inputs)):
            self.log(urn)(Severity.INFO, words)

    def _settings(self) -> Settings:
        return resolve(self._config, os.environ)

    def _api_url(self) -> str:
        return resolve_url(self._config, os.environ)

    def _logs(self) -> LogSettings:
        return resolve_logs(self._config, os.environ)


_session: list[Session] = []
_session_lock = threading.Lock()


def session() -> Session:
    """Return the session of a dynamic provider's process, made on first use.

    The process also serves the user's other dynamic providers. One-line errors and more than four threads, which are
    set up here, affect all of them; ``OPENCOMPUTER_DEBUG=1`` switches both off.
    """
    with _session_lock:
        if not _session:
            engine = sys.argv[1] if len(sys.argv) > 1 else ""
            _session.append(Session(engine))
            _set_up_process(_session[0].lifecycle, engine)
        return _session[0]


def _set_up_process(lifecycle: Lifecycle, engine: str) -> None:
    pool = calling_pool()
    if not is_debugging():
        sys.tracebacklimit = 0
        if pool is not None:
            raise_worker_limit(pool)
    if engine and pool is not None:
        when_gone(engine, lambda: _end_process(lifecycle, pool))


def _end_process(lifecycle: Lifecycle, pool: ThreadPoolExecutor) -> None:
    """End this process once all its calls have returned, including those of the user's other dynamic providers."""
    lifecycle.cancel()
    pool.shutdown(wait=True)
    # Pulumi's host process would wait forever, because it does not notice that the engine is gone.
    os._exit(0)
