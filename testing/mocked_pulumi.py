"""What Pulumi's own mocks of a program can do, by the version of its package."""

from __future__ import annotations

from importlib import metadata

import pytest

_VERSION = tuple(int(part) for part in metadata.version("pulumi").split(".")[:2])

#: Marks a test that needs mocks which know secrets, previews and transforms. Those of 3.259 do not, those of 3.272 do.
later_mocks = pytest.mark.skipif(
    _VERSION < (3, 272), reason="the mocks of this version of Pulumi know no secrets, previews or transforms"
)
