"""The pickled provider that the state of each dynamic resource has.

The engine passes it to newer versions of the package, which must still find the class that it names.
"""

from __future__ import annotations

import base64
import json
import pickletools
from pathlib import Path

import dill  # type: ignore[import-untyped]
import pytest
from pulumi.dynamic.dynamic import serialize_provider

from pulumi_opencomputer import dynamic

WRITTEN = json.loads((Path(__file__).parents[1] / "states" / "0.1.0" / "providers.json").read_text())

providers = pytest.mark.parametrize("name", ["SnapshotProvider", "ImageProvider"])


def written_now(name: str) -> str:
    """The pickle that the package writes into states now."""
    return str(serialize_provider(getattr(dynamic, name)()))


def meaning(pickled: str) -> list[tuple[str, object]]:
    """The operations of a pickle without its framing, which differs between Python versions."""
    operations = pickletools.genops(base64.b64decode(pickled))
    return [(code.name, argument) for code, argument, _ in operations if code.name not in ("PROTO", "FRAME")]


@providers
def test_a_provider_in_an_old_state_loads(name: str) -> None:
    """It loads as the package's current class of that name."""
    loaded = dill.loads(base64.b64decode(WRITTEN[name]))
    assert type(loaded) is getattr(dynamic, name)


@providers
def test_a_new_pickle_equals_those_in_old_states(name: str) -> None:
    """It has a module, a class and no attributes. Anything else would change each resource and its state."""
    assert meaning(written_now(name)) == meaning(WRITTEN[name])


@providers
def test_a_provider_is_pickled_under_its_pinned_path(name: str) -> None:
    """The path is written out here, so that new test data can't change it unnoticed."""
    texts = [argument for _, argument in meaning(written_now(name)) if isinstance(argument, str)]
    assert texts == ["pulumi_opencomputer.dynamic", name]
