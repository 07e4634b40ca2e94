"""The abilities of Pulumi's own mocks, which depend on the version of its package."""

from __future__ import annotations

from importlib import metadata

import pytest

_VERSION = tuple(int(part) for part in metadata.version("pulumi").split(".")[:2])

#: Marks a test whose mocks must support secrets, previews and transforms. Those of 3.259 don't, those of 3.272 do.
later_mocks = pytest.mark.skipif(
    _VERSION < (3, 272), reason="the mocks of this version of Pulumi know no secrets, previews or transforms"
)
