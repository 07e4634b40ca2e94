"""The text of an error that either adapter shows to the user."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_opencomputer.dynamic import SnapshotProvider
from pulumi_opencomputer.engine import session as session_module
from pulumi_opencomputer.engine.error_text import text_of
from pulumi_opencomputer.engine.session import Session
from pulumi_opencomputer.errors import ConflictError, OpenComputerError


def raised(fail: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
        fail()
    return caught.value


def fail_in_a_chain() -> None:
    """Raise an error from two others; only the last one is meant to be shown."""
    try:
        try:
            int("hunter2-first")
        except ValueError as error:
            raise OpenComputerError("hunter2-second") from error
    except OpenComputerError:
        raise ConflictError("The name is taken.")  # noqa: B904 - the chain that Python makes by itself


@pytest.mark.parametrize("debug", ["", "0", "1"])
def test_the_cause_of_an_error_is_never_quoted(monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    """A library's error may contain a body, a header or a manifest. Its type and place are shown at most."""
    monkeypatch.setenv("OPENCOMPUTER_DEBUG", debug)
    text = text_of(raised(fail_in_a_chain))
    assert text.startswith("The name is taken.")
    assert "hunter2" not in text.replace('"hunter2-', "")
    assert ("ValueError, at" in text and "test_error_text.py" in text) == (debug == "1")


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_unexpected_error_is_not_quoted(monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    """Its text has not been cleaned of secrets."""
    monkeypatch.setenv("OPENCOMPUTER_DEBUG", debug)
    text = text_of(raised(lambda: {"": 0}["hunter" + "2"]))
    assert "hunter2" not in text
    assert "(KeyError)" in text


@pytest.mark.parametrize("method", ["configure", "check", "diff", "create", "update", "read", "delete"])
@pytest.mark.parametrize("debug", ["", "1"])
def test_the_dynamic_host_gets_one_plain_error(monkeypatch: pytest.MonkeyPatch, method: str, debug: str) -> None:
    """Whichever method fails, the traceback has only the error's own text, and nothing of its causes."""

    class Broken(Session):
        def __init__(self) -> None:
            fail_in_a_chain()

    monkeypatch.setenv("OPENCOMPUTER_DEBUG", debug)
    monkeypatch.setattr(session_module, "_session", [])
    monkeypatch.setattr(session_module, "Session", lambda _: Broken())
    arguments = {"configure": 1, "check": 2, "diff": 3, "create": 1, "update": 3, "read": 2, "delete": 2}[method]
    provider = SnapshotProvider()
    given: list[Any] = [_Request()] if method == "configure" else [{}] * arguments
    error = raised(lambda: getattr(provider, method)(*given))
    shown = "".join(traceback.format_exception(error))
    assert (type(error).__name__, type(error).__module__) == ("ConflictError", "builtins")
    assert "The name is taken." in shown
    assert "hunter2" not in shown.replace('"hunter2-', "")
    assert not hasattr(sys, "tracebacklimit")


class _Request:
    config: dict[str, str] = {}  # noqa: RUF012 - as the host's
