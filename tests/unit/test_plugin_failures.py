"""The gRPC status of an error."""

import inspect

import pytest
from grpc import StatusCode

from pulumi_opencomputer import errors
from pulumi_opencomputer.plugin.grpc_status import status_of

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.OpenComputerError)]
TEXT = "Something is wrong."


def made(kind):
    """An error of the class."""
    if kind is errors.RunCancelledError:
        return kind()
    if kind is errors.InvalidInputError:
        return kind([errors.Problem("manifest", TEXT)])
    return kind(TEXT, sent=True) if kind is errors.StreamLostError else kind(TEXT)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_of_this_package_leaves_no_pending_operation(kind):
    """After INTERNAL and UNKNOWN the engine keeps a pending operation that the user has to clear."""
    error = made(kind)
    code, text = status_of(error)
    assert code not in (StatusCode.INTERNAL, StatusCode.UNKNOWN, StatusCode.OK)
    assert text == str(error)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.BuildBlockedError, StatusCode.DEADLINE_EXCEEDED),
        (errors.UnavailableError, StatusCode.UNAVAILABLE),
        (errors.LocalFileError, StatusCode.INVALID_ARGUMENT),
        (errors.ContentChangedError, StatusCode.ABORTED),
        (errors.ProtocolError, StatusCode.FAILED_PRECONDITION),
        (NotImplementedError, StatusCode.UNIMPLEMENTED),
    ],
)
def test_a_kind_of_error_has_its_status(kind, code):
    """The status of the most specific class is used."""
    assert status_of(kind("Something is wrong."))[0] is code


def test_an_unexpected_error_shows_only_its_class(monkeypatch):
    """Its text may contain anything, even a secret."""
    monkeypatch.delenv("OPENCOMPUTER_DEBUG", raising=False)
    code, text = status_of(KeyError("hunter2"))
    assert code is StatusCode.INTERNAL
    assert "KeyError" in text
    assert "hunter2" not in text


def test_debugging_shows_where_an_error_was_raised(monkeypatch):
    """The environment variable is the one of the dynamic provider."""
    monkeypatch.setenv("OPENCOMPUTER_DEBUG", "1")
    nothing: dict[str, str] = {}
    with pytest.raises(KeyError) as caught:
        _ = nothing["missing"]
    assert "test_plugin_failures.py" in status_of(caught.value)[1]
