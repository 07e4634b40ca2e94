"""Fixtures of the tests that speak to the plugin's process."""

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
    """A plugin that is configured for the emulator, and that earlier tests have used; it must not be ended."""
    _shared_plugin.engine.lines.clear()
    # As an engine does that finds it running, once in each of its runs.
    _shared_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    return _shared_plugin


@pytest.fixture
def start_plugin(tmp_path: Path) -> Iterator[Callable[..., Plugin]]:
    """Start plugins of one's own, each with an engine and an environment, in the test's folder."""
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
    """A plugin that nobody has used, configured for the emulator."""
    plugin = start_plugin()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    return plugin
