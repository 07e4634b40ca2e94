"""Errors: each has a suitable gRPC status and a plain sentence."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from emulator_process import Emulator
from plugin_process import IMAGE, Plugin, create_request, urn


def snapshot(command: str = "make", **more: Any) -> dict[str, Any]:
    """A snapshot's inputs."""
    return {"manifest": {"steps": [{"run": [command]}]}, "name": "fixed", **more}


def fails(
    plugin: Plugin, inputs: dict[str, Any], *, of: str = urn(), timeout: float = 0
) -> tuple[grpc.StatusCode, str]:
    """Create a resource that must fail; return the status and the message."""
    code, text = plugin.fails("Create", create_request(plugin.checked(inputs, of=of), of=of, timeout=timeout))
    assert "Traceback" not in text
    assert "Exception" not in text
    return code, text


def test_a_failed_build_is_reported_with_its_step(plugin: Plugin, emulator: Emulator) -> None:
    """The error must not be one of initialization: the engine would then drop the old resource of a replacement."""
    code, text = fails(plugin, snapshot("FAIL_BUILD"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert text.startswith("The build failed at step 1 (run) with exit code 1: [1/1] run FAIL_BUILD.")
    assert emulator.snapshots() == []


def test_a_name_of_another_resource_is_a_conflict(plugin: Plugin, emulator: Emulator) -> None:
    """A snapshot that another resource created is not changed."""
    plugin.up(snapshot(), of=urn("first"))
    before = emulator.snapshots()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    code, text = fails(plugin, snapshot("other"), of=urn("second"))
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert "set adopt to true" in text
    assert emulator.snapshots() == before


@pytest.mark.parametrize("timeout", [0.001, 0.5])
def test_a_time_limit_of_the_engine_is_obeyed(plugin: Plugin, timeout: float) -> None:
    """customTimeouts arrive with the request; an operation that exceeds them fails with DEADLINE_EXCEEDED."""
    code, text = fails(plugin, snapshot("SLEEP_BUILD_2"), timeout=timeout)
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "did not end within" in text
    assert "customTimeouts" in text


def test_without_a_key_a_create_says_how_to_set_it(start_plugin, emulator: Emulator) -> None:
    """Creating needs a key; configuring and checking don't."""
    plugin = start_plugin()
    plugin.configure(apiUrl=emulator.url)
    code, text = fails(plugin, snapshot())
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "pulumi config set --secret opencomputer:apiKey" in text


def test_a_wrong_key_is_unauthenticated(start_plugin, emulator: Emulator) -> None:
    """A key that the server does not know has its own status."""
    plugin = start_plugin()
    plugin.configure(apiUrl=emulator.url, apiKey="wrong-key-of-somebody")
    code, text = fails(plugin, snapshot())
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "wrong-key-of-somebody" not in text


def test_a_record_at_another_address_is_not_touched(start_plugin, plugin: Plugin, emulator: Emulator) -> None:
    """A provider that is configured for another server neither reads nor deletes it."""
    made = plugin.up(snapshot())
    other = start_plugin()
    other.configure(apiKey="some-key", apiUrl="http://127.0.0.1:1")
    for method in ("read", "delete"):
        with pytest.raises(grpc.RpcError) as caught:
            getattr(other, method)(made)
        error: Any = caught.value
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error.details().startswith(f"This resource lives at {emulator.url}, but the provider is configured for")
    assert len(emulator.snapshots()) == 1


def test_an_image_that_fails_leaves_no_name(plugin: Plugin, emulator: Emulator) -> None:
    """It does not take another resource's name either."""
    inputs = {"manifest": {"steps": [{"run": ["FAIL_BUILD"]}]}}
    code, _ = fails(plugin, inputs, of=urn("toolchain", IMAGE))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert emulator.snapshots() == []
