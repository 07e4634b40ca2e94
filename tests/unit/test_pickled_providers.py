"""The reference to the provider that each state of the dynamic resources holds.

The engine hands it back to a newer version of the package, which must still find the class under it.
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
    """What the package writes into states now."""
    return str(serialize_provider(getattr(dynamic, name)()))


def meaning(pickled: str) -> list[tuple[str, object]]:
    """What a pickle says, without how it is framed, which differs between versions of Python."""
    operations = pickletools.genops(base64.b64decode(pickled))
    return [(code.name, argument) for code, argument, _ in operations if code.name not in ("PROTO", "FRAME")]


@providers
def test_a_provider_in_an_old_state_loads(name: str) -> None:
    """It is the class of the same name that the package has now."""
    loaded = dill.loads(base64.b64decode(WRITTEN[name]))
    assert type(loaded) is getattr(dynamic, name)


@providers
def test_what_is_written_now_says_what_old_states_say(name: str) -> None:
    """A module, a class and no attributes: anything else would change each resource, and bind states to more."""
    assert meaning(written_now(name)) == meaning(WRITTEN[name])


@providers
def test_a_provider_is_pickled_under_its_pinned_path(name: str) -> None:
    """The path in words, so that new test data can't change it unnoticed."""
    texts = [argument for _, argument in meaning(written_now(name)) if isinstance(argument, str)]
    assert texts == ["pulumi_opencomputer.dynamic", name]
