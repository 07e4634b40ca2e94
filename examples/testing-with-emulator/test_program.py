"""The program, deployed to an emulator: no key, no cost, no waiting."""

from pathlib import Path

import pytest
from pulumi import automation as auto


@pytest.fixture
def stack(opencomputer_emulator, tmp_path):
    """A stack whose state is in a folder of the test's own."""
    environment = {
        **opencomputer_emulator.environment,
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
    }
    options = auto.LocalWorkspaceOptions(env_vars=environment)
    stack = auto.create_stack("test", work_dir=str(Path(__file__).parent), opts=options)
    yield stack
    stack.destroy()
    stack.workspace.remove_stack("test")


def test_agents_find_their_snapshot(stack, opencomputer_emulator):
    name = stack.up().outputs["snapshot"].value
    snapshot = opencomputer_emulator.snapshot(name)
    assert snapshot["status"] == "ready"
    assert {"type": "pip_install", "args": {"packages": ["pandas==2.2.3"]}} in snapshot["manifest"]["steps"]


def test_nothing_is_built_twice(stack, opencomputer_emulator):
    stack.up()
    assert stack.up().summary.resource_changes == {"same": 2}
    assert len(opencomputer_emulator.builds()) == 1


def test_a_failed_build_leaves_the_old_snapshot(stack, opencomputer_emulator):
    stack.up()
    before = opencomputer_emulator.snapshot("agents")
    stack.set_config("pandas", auto.ConfigValue("2.3.1"))
    opencomputer_emulator.fail("failing-builds")
    with pytest.raises(auto.CommandError, match="step 3"):
        stack.up()
    assert opencomputer_emulator.snapshot("agents") == before
