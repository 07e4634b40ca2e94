"""Search for secrets in a text."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_TEXT = 10_000
_SMALL = 600


def secrets_ours(size: str) -> Callable[[], object]:
    """Do everything that is done with the first text of a failed build, with one large and many small secrets."""
    from pulumi_opencomputer.manifest.secrets import Secrets  # noqa: PLC0415

    values, text = _values(int(size)), _text()

    def hide() -> None:
        shown = Secrets({"steps": [{"run": values}]}, ["steps[0].run"]).scrub(text + values[0][1000:1100])
        if not shown.endswith("[secret]"):
            raise RuntimeError("a secret is shown")

    return hide


def secrets_plain(size: str) -> Callable[[], object]:
    """Do the minimum: search for each secret."""
    values, text = _values(int(size)), _text()

    def hide() -> None:
        shown = text
        for value in values:
            shown = shown.replace(value, "[secret]")

    return hide


def _values(size: int) -> list[str]:
    chosen = random.Random(1)
    small = ["".join(chosen.choices(string.ascii_letters, k=40)) for _ in range(_SMALL)]
    return ["".join(chosen.choices(string.ascii_letters + string.digits + "+/", k=size - 40 * _SMALL)), *small]


def _text() -> str:
    chosen = random.Random(2)
    return "".join(chosen.choices(string.ascii_letters + string.digits + " \n/%&;\\+", k=_TEXT - 100))
