"""Secrets: they are marked where the program marked them, and shown nowhere."""

from __future__ import annotations

import pytest
from pulumi.runtime import proto

from plugin_process import Plugin, create_request, plain, secret, struct, urn

TOKEN = "hunter2-hunter2"


def snapshot(*steps):
    """A snapshot's inputs."""
    return {"manifest": {"steps": list(steps)}, "name": "fixed"}


HIDDEN = snapshot({"env": {"TOKEN": secret(TOKEN), "PLAIN": "shown"}}, {"run": ["make", secret(f"login {TOKEN}")]})
CLEAR = snapshot({"env": {"TOKEN": TOKEN, "PLAIN": "shown"}}, {"run": ["make", f"login {TOKEN}"]})


def test_secrets_stay_marked_at_their_places(plugin: Plugin) -> None:
    """Secret inputs are secret in the checked inputs and in the outputs, and nothing else is."""
    made = plugin.up(HIDDEN)
    for properties in (made.inputs, made.outputs):
        env, run = properties["manifest"]["steps"]
        assert env == {"env": {"TOKEN": secret(TOKEN), "PLAIN": "shown"}}
        assert run == {"run": ["make", secret(f"login {TOKEN}")]}
    assert plugin.read(made).properties["manifest"] == struct(made.outputs)["manifest"]


def test_a_manifest_that_is_secret_as_a_whole_stays_secret(plugin: Plugin) -> None:
    """The values that a check adds are inside the secret too."""
    made = plugin.up({"manifest": secret(CLEAR["manifest"]), "name": "fixed"})
    assert made.outputs["manifest"] == secret(made.inputs["manifest"]["value"])


def test_no_line_and_no_error_shows_a_secret(plugin: Plugin) -> None:
    """A step with a secret is described without it, in the log and when it fails."""
    plugin.up(HIDDEN, of=urn("first"))
    news = {**snapshot({"run": [secret(f"FAIL_BUILD {TOKEN}")]}), "name": "other"}
    failing = plugin.checked(news, of=urn("second"))
    _, text = plugin.fails("Create", create_request(failing, of=urn("second")))
    said = "\n".join(line for _, _, line in plugin.engine.lines)
    assert "[1/2] env (holds a secret)" in said
    assert "run (holds a secret)" in text
    assert TOKEN not in said + text + plugin.errors()


@pytest.mark.parametrize(("before", "after"), [(CLEAR, HIDDEN), (HIDDEN, CLEAR)])
def test_a_change_of_secrecy_rewrites_the_state(plugin: Plugin, before, after) -> None:
    """A value that becomes secret, or stops being it, is an update without a request, shown at its step."""
    made = plugin.up(before)
    inputs = plugin.checked(after, made.inputs)
    found = plugin.diff(made, inputs)
    assert found.changes == proto.DiffResponse.DIFF_SOME
    assert not found.replaces
    assert {path: each.kind for path, each in found.detailedDiff.items()} == {
        "manifest.steps[0].env": proto.PropertyDiff.UPDATE,
        "manifest.steps[1].run": proto.PropertyDiff.UPDATE,
    }
    request = proto.UpdateRequest(urn=made.urn, id=made.id, olds=struct(made.outputs), news=struct(inputs))
    rewritten = plain(plugin.call("Update", request).properties)
    assert rewritten == {**made.outputs, "manifest": inputs["manifest"]}


def test_additional_secret_outputs_are_no_change(plugin: Plugin) -> None:
    """The engine marks them in the state, and no update could remove that mark."""
    made = plugin.up(CLEAR)
    marked = {**made.outputs, "manifest": secret(made.outputs["manifest"])}
    found = plugin.diff(type(made)(made.urn, made.id, made.inputs, marked), plugin.checked(CLEAR, made.inputs))
    assert found.changes == proto.DiffResponse.DIFF_NONE
