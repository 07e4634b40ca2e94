"""The package's public names, and what importing them loads."""

import importlib
import subprocess
import sys

import pytest

import pulumi_opencomputer
from pulumi_opencomputer import errors

HEAVY = ("pulumi", "pydantic", "httpx", "grpc")


def loaded_by(program: str) -> set[str]:
    """Run a program in a new interpreter; return which of the heavy packages it loads."""
    report = f"{program}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_public_names_are_exactly_these():
    """Adding or removing a public name must be deliberate."""
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
    """It can be imported, knows the module it is defined in, and has a docstring."""
    member = getattr(pulumi_opencomputer, name)
    assert member.__name__ == name
    assert member.__doc__
    assert getattr(importlib.import_module(member.__module__), name) is member


def test_a_name_that_is_not_public_is_an_attribute_error():
    """The package raises what any module raises."""
    with pytest.raises(AttributeError, match="has no attribute 'secret_name'"):
        _ = pulumi_opencomputer.secret_name


def test_dir_lists_the_public_names():
    """Completion in an editor or shell works before anything is loaded."""
    assert set(pulumi_opencomputer.__all__) <= set(dir(pulumi_opencomputer))


def test_every_error_has_the_packages_base_class():
    """A single `except OpenComputerError` catches them all."""
    found = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert all(issubclass(item, errors.OpenComputerError) for item in found)


def test_importing_the_package_loads_nothing_heavy():
    """A program doesn't pay for parts that it does not use."""
    assert loaded_by("import pulumi_opencomputer") == set()


def test_a_manifest_is_declared_without_pulumi_and_models():
    """The builder stores values without looking at them."""
    program = "from pulumi_opencomputer import Manifest\nManifest.base().run_commands('true').declared()"
    assert loaded_by(program) == set()


def test_a_key_needs_no_pulumi():
    """`cache_key` works outside of a Pulumi program."""
    program = "from pulumi_opencomputer import Manifest\nManifest.base().run_commands('true').cache_key()"
    assert loaded_by(program) == {"pydantic"}


def test_the_lifecycle_does_not_import_pulumi():
    """Both adapters share it, and only they translate to Pulumi."""
    assert "pulumi" not in loaded_by("import pulumi_opencomputer.lifecycle")


def test_a_run_without_changes_loads_no_client():
    """Checks and diffs in the provider's process don't import the HTTP client."""
    program = (
        "from pulumi_opencomputer.dynamic import SnapshotProvider\n"
        "inputs = {'manifest': {'base': 'base', 'steps': [{'run': ['true']}]}, 'urn': 'u'}\n"
        "checked = SnapshotProvider().check({}, inputs).inputs\n"
        "assert not SnapshotProvider().diff('id', {**checked, '__provider': 'pickled'}, checked).changes"
    )
    assert "httpx" not in loaded_by(program)


def test_a_check_of_a_recorded_manifest_loads_no_models():
    """A run without changes validates nothing again; importing pydantic takes half of the provider's start."""
    program = (
        "from pulumi_opencomputer.dynamic import SnapshotProvider\n"
        "inputs = {'manifest': {'base': 'base', 'steps': [{'run': ['true']}]}, 'urn': 'u', 'name': 'n'}\n"
        "recorded = {**inputs, 'contentHash': '0' * 64}\n"
        "assert SnapshotProvider().check(recorded, inputs).inputs == recorded"
    )
    assert loaded_by(program) & {"httpx", "pydantic"} == set()
