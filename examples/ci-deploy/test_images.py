"""The program, deployed to an emulator: what the pipeline runs for everyone, without an account."""

from pathlib import Path

from pulumi import automation as auto


def test_both_snapshots_are_built_and_destroyed(opencomputer_emulator, tmp_path):
    environment = {
        **opencomputer_emulator.environment,
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
    }
    options = auto.LocalWorkspaceOptions(env_vars=environment)
    stack = auto.create_stack("test", work_dir=str(Path(__file__).parent), opts=options)
    try:
        stack.up()
        ready = {each["name"] for each in opencomputer_emulator.snapshots() if each["status"] == "ready"}
        assert ready == {"review-test", "analysis-test"}
    finally:
        stack.destroy()
        stack.workspace.remove_stack("test")
    assert opencomputer_emulator.snapshots() == []
