"""Fixtures for tests that call a plugin process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator_process import Emulator
from plugin_process import FakeEngine, Plugin


@pytest.fixture(scope="session")
def _shared_plugin(_shared_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    plugin = Plugin(FakeEngine(), {}, tmp_path_factory.mktemp("plugin"))
    plugin.configure(apiKey=_shared_emulator.api_key, apiUrl=_shared_emulator.url)
    yield plugin
    plugin.close()
    plugin.engine.stop()


@pytest.fixture
def plugin(_shared_plugin: Plugin, emulator: Emulator) -> Plugin:
    """A plugin that is configured for the emulator and shared with other tests; it must not be stopped."""
    _shared_plugin.engine.lines.clear()
    # An engine also configures a running plugin again, once in each of its runs.
    _shared_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    return _shared_plugin


@pytest.fixture
def start_plugin(tmp_path: Path) -> Iterator[Callable[..., Plugin]]:
    """A function that starts plugins for one test, each with its own engine and environment, in the test's folder."""
    started: list[Plugin] = []

    def start(**environment: str) -> Plugin:
        started.append(Plugin(FakeEngine(), environment, tmp_path))
        return started[-1]

    yield start
    for plugin in started:
        plugin.close()
        plugin.engine.stop()


@pytest.fixture
def own_plugin(start_plugin: Callable[..., Plugin], emulator: Emulator) -> Plugin:
    """A new plugin, configured for the emulator."""
    plugin = start_plugin()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    return plugin
