"""The two ways in which the engine reaches the provider; what holds with one holds with the other."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Adapter:
    """One of them.

    Attributes:
        name: What tests call it.
        module: The module that a Python program takes its resources from.
        type_prefix: What stands before ``Snapshot`` or ``Image`` in a resource's type.
        process: Words in the command line of the provider's process.
    """

    name: str
    module: str
    type_prefix: str
    process: str


DYNAMIC = Adapter("dynamic", "pulumi_opencomputer", "pulumi-python:dynamic/opencomputer:", "-m pulumi.dynamic")
PLUGIN = Adapter("plugin", "pulumi_opencomputer.native", "opencomputer:index:", "pulumi-resource-opencomputer")


def only(adapter: Adapter) -> pytest.MarkDecorator:
    """Marks what one adapter alone can do."""
    return pytest.mark.parametrize("adapter", [adapter], indirect=True, ids=[adapter.name])


def mostly(adapter: Adapter) -> pytest.MarkDecorator:
    """Marks what takes long: `make test` tries it with one adapter, `make test-all` with both."""
    both = [
        pytest.param(each, id=each.name, marks=[] if each is adapter else [pytest.mark.full])
        for each in (DYNAMIC, PLUGIN)
    ]
    return pytest.mark.parametrize("adapter", both, indirect=True)
