"""Where the path of a local file is a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_opencomputer.errors import InvalidInputError
from stack import Lines, Stack, snapshot


def test_path_that_is_secret_is_in_no_error(stack: Stack, tmp_path: Path) -> None:
    """A local file that vanishes after the plan is told without its path, where that is secret."""
    file = tmp_path / "hidden-name"
    file.write_text("content")
    steps = [{"addFile": {"path": "/file", "source": str(file)}}]
    more = {"manifest": {"steps": steps}, "secretPaths": ["manifest.steps[0].addFile.source"]}
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
