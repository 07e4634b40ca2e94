"""The reference to the provider that each state of the dynamic resources holds.

The engine hands it back to a newer version of the package, which must still find the class under it.
"""

from __future__ import annotations

import base64
import json
import pickletools
from pathlib import Path

import dill
import pytest
from pulumi.dynamic.dynamic import serialize_provider

from pulumi_opencomputer.dynamic import ImageProvider, SnapshotProvider

WRITTEN = json.loads((Path(__file__).parents[1] / "states" / "0.1.0" / "providers.json").read_text())
PROVIDERS = [SnapshotProvider, ImageProvider]


def meaning(pickled: str) -> list[tuple[str, object]]:
    """What a pickle says, without how it is framed, which differs between versions of Python."""
    operations = pickletools.genops(base64.b64decode(pickled))
    return [(code.name, argument) for code, argument, _ in operations if code.name not in ("PROTO", "FRAME")]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_in_an_old_state_loads(provider):
    """It is the class of the same name that the package has now."""
    loaded = dill.loads(base64.b64decode(WRITTEN[provider.__name__]))
    assert type(loaded) is provider


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_written_now_says_what_old_states_say(provider):
    """A module, a class and no attributes: anything else would change each resource, and bind states to more."""
    assert meaning(serialize_provider(provider())) == meaning(WRITTEN[provider.__name__])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_is_pickled_under_its_pinned_path(provider):
    """The path in words, so that new test data can't change it unnoticed."""
    texts = [argument for _, argument in meaning(serialize_provider(provider())) if isinstance(argument, str)]
    assert texts == ["pulumi_opencomputer.dynamic", provider.__name__]
    assert (provider.__module__, provider.__qualname__) == ("pulumi_opencomputer.dynamic", provider.__name__)
