"""The public names."""

import importlib
import subprocess
import sys

import pytest

import pulumi_opencomputer
from pulumi_opencomputer import errors

HEAVY = ("pulumi", "pydantic", "httpx", "grpc")


def loaded_by(program: str) -> set[str]:
    """The heavy packages that a program in an interpreter of its own loads."""
    report = f"{program}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_public_names_are_these():
    """A name more or less is a decision."""
    assert pulumi_opencomputer.__all__ == [
        "APIError",
        "AuthenticationError",
        "BuildBlockedError",
        "BuildFailedError",
        "ConfigurationError",
        "ConflictError",
        "ContentChangedError",
        "Image",
        "InvalidInputError",
        "InvalidRequestError",
        "Manifest",
        "ManifestDict",
        "NotFoundError",
        "OpenComputerError",
        "Problem",
        "ProtocolError",
        "Snapshot",
        "SnapshotInfo",
        "TimedOutError",
        "UnavailableError",
        "UnresolvedOutputError",
        "get_snapshot",
        "list_snapshots",
    ]


@pytest.mark.parametrize("name", pulumi_opencomputer.__all__)
def test_a_public_name_is_there_and_documented(name):
    """Each can be imported, says where it lives, and has a docstring."""
    member = getattr(pulumi_opencomputer, name)
    assert member.__name__ == name
    assert member.__doc__
    assert getattr(importlib.import_module(member.__module__), name) is member


def test_a_name_that_is_not_public_is_an_attribute_error():
    """As with any module."""
    with pytest.raises(AttributeError, match="has no attribute 'secret_name'"):
        _ = pulumi_opencomputer.secret_name


def test_dir_lists_the_public_names():
    """Completion works before anything is loaded."""
    assert set(pulumi_opencomputer.__all__) <= set(dir(pulumi_opencomputer))


def test_every_error_is_one_of_ours():
    """One `except` catches them all."""
    found = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert all(issubclass(item, errors.OpenComputerError) for item in found)


def test_importing_the_package_loads_nothing_heavy():
    """What a program does not use costs it nothing."""
    assert loaded_by("import pulumi_opencomputer") == set()


def test_a_manifest_is_declared_without_pulumi_and_models():
    """The builder holds opaque values."""
    program = "from pulumi_opencomputer import Manifest\nManifest.base().run_commands('true').declared()"
    assert loaded_by(program) == set()


def test_a_key_needs_no_pulumi():
    """`cache_key` and `to_dict` work anywhere."""
    program = "from pulumi_opencomputer import Manifest\nManifest.base().run_commands('true').cache_key()"
    assert loaded_by(program) == {"pydantic"}


def test_the_lifecycle_knows_no_pulumi():
    """Both adapters share it."""
    assert "pulumi" not in loaded_by("import pulumi_opencomputer.lifecycle")


def test_a_run_without_changes_loads_no_client():
    """The provider's process checks and compares without what it takes to make a request."""
    program = (
        "from pulumi_opencomputer.dynamic import SnapshotProvider\n"
        "inputs = {'manifest': {'base': 'base', 'steps': [{'run': ['true']}]}, 'urn': 'u'}\n"
        "checked = SnapshotProvider().check({}, inputs).inputs\n"
        "assert not SnapshotProvider().diff('id', {**checked, '__provider': 'pickled'}, checked).changes"
    )
    assert "httpx" not in loaded_by(program)


def test_a_check_of_what_is_recorded_loads_no_models():
    """A run without changes validates nothing again, and pydantic takes half of the provider's start."""
    program = (
        "from pulumi_opencomputer.dynamic import SnapshotProvider\n"
        "inputs = {'manifest': {'base': 'base', 'steps': [{'run': ['true']}]}, 'urn': 'u', 'name': 'n'}\n"
        "recorded = {**inputs, 'contentHash': '0' * 64}\n"
        "assert SnapshotProvider().check(recorded, inputs).inputs == recorded"
    )
    assert loaded_by(program) & {"httpx", "pydantic"} == set()
