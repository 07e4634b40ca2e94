"""The two ways in which the engine reaches the provider. Most tests run with both."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Adapter:
    """One way to reach the provider.

    Attributes:
        name: Its name in tests.
        module: The module from which a Python program imports the resources.
        type_prefix: The part of a resource's type before ``Snapshot`` or ``Image``.
        process: Text in the command line of the provider's process.
    """

    name: str
    module: str
    type_prefix: str
    process: str


DYNAMIC = Adapter("dynamic", "pulumi_opencomputer", "pulumi-python:dynamic/opencomputer:", "-m pulumi.dynamic")
PLUGIN = Adapter("plugin", "pulumi_opencomputer.native", "opencomputer:index:", "pulumi-resource-opencomputer")


def only(adapter: Adapter) -> pytest.MarkDecorator:
    """Mark a test that runs with one adapter only."""
    return pytest.mark.parametrize("adapter", [adapter], indirect=True, ids=[adapter.name])


def mostly(adapter: Adapter) -> pytest.MarkDecorator:
    """Mark a slow test: `make test` runs it with one adapter, `make test-all` with both."""
    both = [
        pytest.param(each, id=each.name, marks=[] if each is adapter else [pytest.mark.full])
        for each in (DYNAMIC, PLUGIN)
    ]
    return pytest.mark.parametrize("adapter", both, indirect=True)
