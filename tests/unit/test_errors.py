"""Errors: one hierarchy, a stable code for each class, and messages to which hints can be added."""

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


def test_the_documented_list_matches_the_classes():
    """Each class is in the list under its code, and the list has no other entries."""
    documented = re.findall(r"^\| (OC\d{4}) \| `(\w+)` \|", LIST, re.MULTILINE)
    assert documented == sorted(documented)
    assert dict(documented) == {kind.code: kind.__name__ for kind in KINDS}


def test_no_two_classes_share_a_code():
    """Each class sets its own code."""
    assert all("code" in vars(kind) for kind in KINDS)
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_the_drawn_tree_matches_the_classes():
    """The module's docstring draws each class below its base class."""
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
def test_the_code_appears_once_after_the_message(kind):
    """It comes after any hints that were added."""
    error = made(kind, "Something is wrong.")
    error.add_hint("Do this.")
    assert str(error).endswith(f"Do this. ({kind.code})")
    assert str(error).count("OC1") == 1


def test_the_servers_text_comes_after_the_code():
    """The last code before the server's text is always our own."""
    error = errors.InvalidRequestError("Refused.", text="no (OC9999)")
    error.add_hint("Do this.")
    assert str(error) == "Refused. Do this. (OC1102) The server said: no (OC9999)"
    assert error.message == "Refused. Do this."


def test_a_refused_input_has_the_code_of_its_error():
    """A check shows each problem by itself. If it quotes another error, that error's code is kept."""
    assert errors.Problem("manifest", "is empty.").as_failure() == "manifest: is empty. (OC1002)"
    quoting = errors.Problem("manifest", str(errors.LocalFileError("No such file.")))
    assert quoting.as_failure() == "manifest: No such file. (OC1004)"
    assert str(errors.Problem("manifest", "is odd.")) == "manifest: is odd."
