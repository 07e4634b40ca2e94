"""Errors: one tree, a stable code for each class, and words that can be added to."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from pulumi_opencomputer import errors

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.OpenComputerError)]
LIST = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def made(kind: type[errors.OpenComputerError], text: str) -> errors.OpenComputerError:
    if kind is errors.RunCancelledError:
        return errors.RunCancelledError()
    if kind is errors.InvalidInputError:
        return errors.InvalidInputError([errors.Problem("manifest", text)])
    return errors.StreamLostError(text, sent=True) if kind is errors.StreamLostError else kind(text)


def test_the_documented_list_is_the_tree():
    """Each class stands there under its code, and nothing else does."""
    documented = re.findall(r"^\| (OC\d{4}) \| `(\w+)` \|", LIST, re.MULTILINE)
    assert documented == sorted(documented)
    assert dict(documented) == {kind.code: kind.__name__ for kind in KINDS}


def test_no_two_classes_share_a_code():
    """Each states its own."""
    assert all("code" in vars(kind) for kind in KINDS)
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_the_drawing_of_the_tree_is_the_tree():
    """The module's docstring draws it, each class below its base."""
    drawn = re.findall(r"^    ([ │├└─]*)([A-Z]\w+Error)", errors.__doc__ or "", re.MULTILINE)
    bases: list[str] = []
    found = {}
    for indent, name in drawn:
        depth = len(indent) // 4
        found[name] = bases[depth - 1] if depth else None
        bases[depth:] = [name]
    tree = {kind.__name__: kind.__mro__[1].__name__ for kind in KINDS if kind is not errors.OpenComputerError}
    assert found == {"OpenComputerError": None, **tree}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_code_stands_once_behind_the_message(kind):
    """Also where hints were added."""
    error = made(kind, "Something is wrong.")
    error.add_hint("Do this.")
    assert str(error).endswith(f"Do this. ({kind.code})")
    assert str(error).count("OC1") == 1


def test_the_servers_words_stand_behind_the_code():
    """So that the code is never theirs."""
    error = errors.InvalidRequestError("Refused.", text="no (OC9999)")
    error.add_hint("Do this.")
    assert str(error) == "Refused. Do this. (OC1102) The server said: no (OC9999)"
    assert error.message == "Refused. Do this."


def test_a_refused_input_has_the_code_of_its_error():
    """In a check each problem is shown by itself; one that quotes another error keeps that one's code."""
    assert errors.Problem("manifest", "is empty.").as_failure() == "manifest: is empty. (OC1002)"
    quoting = errors.Problem("manifest", str(errors.LocalFileError("No such file.")))
    assert quoting.as_failure() == "manifest: No such file. (OC1004)"
    assert str(errors.Problem("manifest", "is odd.")) == "manifest: is odd."
