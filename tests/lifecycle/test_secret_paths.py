"""The effects of secret paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulumi_opencomputer.errors import InvalidInputError
from stack import Lines, Resource, Stack, image, snapshot


def test_path_that_is_secret_is_in_no_error(stack: Stack, tmp_path: Path) -> None:
    """If a local file vanishes after the plan, the error does not show its path if that is secret."""
    file = tmp_path / "hidden-name"
    file.write_text("content")
    steps = [{"addFile": {"path": "/file", "source": str(file)}}]
    more: dict[str, Any] = {"manifest": {"steps": steps}, "secretPaths": ["manifest.steps[0].addFile.source"]}
    resource = snapshot(**more)
    with stack.process() as lifecycle:
        checked = lifecycle.check(resource.kind, resource.urn, {}, resource.news)
        file.unlink()
        with pytest.raises(InvalidInputError, match="vanished after the plan") as caught:
            lifecycle.create(resource.kind, resource.urn, checked.inputs, Lines())
        with pytest.raises(InvalidInputError) as asked:
            lifecycle.hash_manifest(more)
    assert "hidden-name" not in str(caught.value) + str(asked.value)
    assert "[secret]" in str(caught.value)


@pytest.mark.parametrize("resource", [snapshot, image])
def test_value_that_is_secret_no_more_is_an_update_once(stack: Stack, resource: Callable[..., Resource]) -> None:
    """Inputs that the program no longer gives are removed from the state; the outputs of the create stay."""
    secret, plain = resource(secretPaths=["manifest.steps[1].run[0]"], timeout=60), resource()
    stack.up(secret)
    before = stack.outputs(secret)
    stack.up(plain)
    after = stack.outputs(plain)
    assert after == {key: value for key, value in before.items() if key not in ("secretPaths", "timeout")}
    with stack.process() as lifecycle:
        checked = lifecycle.check(plain.kind, plain.urn, stack.state[plain.urn].inputs, plain.news)
        assert not lifecycle.diff(plain.kind, plain.urn, after, checked.inputs).changes
