"""Whatever a server sends, both adapters end each call with clean outputs or with one of this package's errors.

Each seed is one lifecycle of a snapshot and an image against a server with random responses. ``make soak`` runs
thousands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from amounts import HOSTILE_SERVERS
from hostile_answers import HostileServer
from pulumi_opencomputer import dynamic
from pulumi_opencomputer.api.client import Client, Timing
from pulumi_opencomputer.config import Settings
from pulumi_opencomputer.engine.session import Session
from pulumi_opencomputer.errors import OpenComputerError
from pulumi_opencomputer.lifecycle import Lifecycle
from pulumi_opencomputer.lifecycle.log import Log
from pulumi_opencomputer.plugin.grpc_status import status_of
from pulumi_opencomputer.plugin.properties import send
from pulumi_opencomputer.plugin.provider import OpenComputerProvider
from pulumi_opencomputer.sanitize import clean, is_engine_mark
from stack import FakeTime

TIMING = Timing(
    connect=2, silence=0.3, call=0.6, attempts=2, retrying=1, quiet=0.2, first_wait=0.001, longest_wait=0.002
)
KEY = "osb_1234567890"
MANIFEST = {"base": "base", "steps": [{"run": ["make"]}, {"env": {"A": "1"}}]}
ODDEST = "met an error that it does not know"


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    """A server that is shared by all seeds."""
    with HostileServer() as made:
        yield made


class Life:
    """A session whose log lines are kept, and the results of its calls.

    Attributes:
        session: The session.
        texts: Every text that a user may see.
    """

    def __init__(self, url: str) -> None:
        time = FakeTime()
        settings = Settings(url, KEY, "1.1.0", allow_http=False)
        self.session = Session("")
        self.session.lifecycle = Lifecycle(
            lambda: settings,
            lambda: url,
            client=lambda found: Client(found, sleep=time.sleep, timing=TIMING),
            hasty_client=lambda found: Client(found, sleep=time.sleep, timing=TIMING),
            clock=time.clock,
        )
        self.texts: list[str] = []

    def log(self, _urn: str) -> Log:
        """A log function that keeps its lines."""
        return lambda _severity, message, *, ephemeral=False: self.texts.append(message)

    def keep(self, value: Any) -> None:
        """Keep the texts in outputs."""
        if isinstance(value, str):
            self.texts.append(value)
            assert not is_engine_mark(value), value
        elif isinstance(value, dict):
            for key, item in value.items():
                self.keep(key)
                self.keep(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.keep(item)


def dynamic_life(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the engine's calls of the dynamic provider."""
    monkeypatch.setattr(dynamic, "_session", lambda: life.session)
    for provider in (dynamic.SnapshotProvider(), dynamic.ImageProvider()):
        name = "Snapshot" if provider.kind == "Snapshot" else "Image"
        urn = f"urn:pulumi:dev::pytest::pulumi-python:dynamic/opencomputer:{name}::daily"
        inputs = provider.check({}, {"urn": urn, "manifest": MANIFEST, "timeout": 30}).inputs
        made = _tried(life, partial(provider.create, dict(inputs)))
        if made is None:
            continue
        life.keep(made.outs)
        life.keep(made.id)
        read = _tried(life, partial(provider.read, made.id, made.outs))
        life.keep(read.outs if read else None)
        state = read.outs if read and read.id else made.outs
        _tried(life, partial(provider.diff, made.id, state, inputs))
        _tried(life, partial(provider.delete, made.id, state))


def _tried(life: Life, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        text = str(error)
        if ODDEST in text:
            pytest.fail(repr(error.__context__))
        life.texts.append(text)
        return None


def plugin_life(life: Life, _: pytest.MonkeyPatch) -> None:
    """Make the engine's calls of the plugin."""
    provider = OpenComputerProvider("", "0")
    provider._session = life.session
    asyncio.run(_plugin_life(life, provider))


async def _plugin_life(life: Life, provider: OpenComputerProvider) -> None:
    async def tried(call: Any) -> Any:
        try:
            return await call
        except Exception as error:
            if not isinstance(error, OpenComputerError):
                pytest.fail(repr(error))
            life.texts.append(status_of(error)[1])
            return None

    for kind, id_ in (("Snapshot", "daily"), ("Image", "0" * 64)):
        urn = f"urn:pulumi:dev::pytest::opencomputer:index:{kind}::daily"
        checked = await provider.check(protocol.CheckRequest(urn, {}, send({"manifest": MANIFEST}), b""))
        inputs = checked.inputs or {}
        made = await tried(provider.create(protocol.CreateRequest(urn, inputs, 30, False)))
        if made is not None:
            life.keep([made.resource_id, _plain(made.properties)])
            state = made.properties
            read = await tried(provider.read(protocol.ReadRequest(urn, made.resource_id, state, inputs)))
            life.keep(_plain(read.properties) if read and read.properties else None)
            await tried(provider.delete(protocol.DeleteRequest(urn, made.resource_id, state, 30)))
        found = await tried(provider.read(protocol.ReadRequest(urn, id_, {}, {})))
        life.keep(_plain(found.properties) if found and found.properties else None)
    for function, given in (
        ("getSnapshots", {}),
        ("getSnapshot", {"name": "daily"}),
        ("getImage", {"contentHash": "0" * 64}),
    ):
        answer = await tried(provider.invoke(protocol.InvokeRequest(f"opencomputer:index:{function}", send(given))))
        life.keep(_plain(answer.return_value) if answer and answer.return_value else None)


def _plain(properties: Any) -> Any:
    value: Any = properties.value if isinstance(properties, PropertyValue) else properties
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("life_of", [dynamic_life, plugin_life], ids=["dynamic", "plugin"])
@pytest.mark.parametrize("group", range(HOSTILE_SERVERS // 10))
def test_any_response_ends_in_clean_texts(server, monkeypatch, life_of, group):
    """No call hangs or ends in an unexpected error, and no text has something that a terminal or Pulumi interprets."""
    for seed in range(group * 10, group * 10 + 10):
        server.begin(seed)
        life = Life(server.url)
        monkeypatch.setattr(life.session, "log", life.log)
        life_of(life, monkeypatch)
        life.session.lifecycle.close()
        for text in life.texts:
            assert text == clean(text), f"seed {seed}: {text!r}"
