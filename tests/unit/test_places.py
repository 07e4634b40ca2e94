"""Which line of the program declares a step: found in the program, shown when a build or check fails."""

from __future__ import annotations

import functools
import os
import sysconfig
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer import Image, Manifest, Snapshot
from pulumi_opencomputer.errors import Problem
from pulumi_opencomputer.lifecycle import KINDS, Lifecycle
from pulumi_opencomputer.manifest.places import INPUT, Places, encoded


def ran(text: str, file: str, **names: Any) -> dict[str, Any]:
    """Run the text as a program of that file; return the names that it defines."""
    found: dict[str, Any] = {"Manifest": Manifest, **names}
    exec(compile(textwrap.dedent(text), file, "exec"), found)
    return found


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the program's file, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "__main__.py"


def test_each_step_has_the_line_of_its_own_call(program: Path) -> None:
    """This also holds in a chain over several lines, in a loop, and in a function of the program."""
    text = """\
    def tools(manifest, *names):
        for name in names:
            manifest = manifest.pip_install([f"{name}"])
        return manifest

    made = tools(
        Manifest.base()
        .apt_install(["jq"])
        .run_commands(
            "make",
            "make install",
        )
        .env({"A": "1"}),
        "x", "y")
    """
    made = ran(text, str(program))["made"]
    assert made.places == ("__main__.py:8", "__main__.py:9", "__main__.py:13", "__main__.py:3", "__main__.py:3")


def test_a_file_below_the_program_is_shown_with_its_folder(program: Path) -> None:
    """A file elsewhere is shown with its absolute path."""
    text = "made = Manifest.base().run_commands('make')"
    assert ran(text, str(program.parent / "images" / "base.py"))["made"].places == (f"images{os.sep}base.py:1",)
    assert ran(text, "/elsewhere/base.py")["made"].places == ("/elsewhere/base.py:1",)


@pytest.mark.parametrize(
    "file", ["/x/site-packages/lib.py", "/x/dist-packages/lib.py", f"{sysconfig.get_path('stdlib')}/x.py", "<string>"]
)
def test_the_line_is_in_the_users_code_and_not_in_a_library(program: Path, file: str) -> None:
    """Installed packages are skipped: the line is that of the program which called them."""
    library = ran("def tools(manifest):\n    return manifest.apt_install(['jq'])", file)
    text = "\n\nmade = functools.reduce(lambda found, each: each(found), [tools], Manifest.base())"
    made = ran(text, str(program), tools=library["tools"], functools=functools)["made"]
    assert made.places == ("__main__.py:3",)


def test_a_step_that_was_read_from_a_file_names_the_method_that_read_it(program: Path) -> None:
    """The program has no call for the step alone. A step of a Dockerfile has the line in that file."""
    (program.parent / "Dockerfile").write_text("FROM ubuntu:22.04\nENV A=1 \\\n  B=2\nRUN make\n")
    made = ran("made = Manifest.from_dockerfile('Dockerfile')", str(program))["made"]
    assert made.places == ("Dockerfile:2 ENV", "Dockerfile:4 RUN")
    found = Places.decoded(encoded("__main__.py:1", made.places))
    assert found.of_step(1, 2, "", ".run_commands()") == "Dockerfile:4 RUN"
    again = ran("made = Manifest.from_dict(form)", str(program), form=made.declared())["made"]
    assert Places.decoded(encoded("", again.places)).of_step(0, 2, "", ".x()") == "__main__.py:1 .from_dict(…)"


def test_lines_are_not_part_of_a_manifest(program: Path) -> None:
    """Two manifests from different lines are equal, and have the same content hash."""
    text = "made = Manifest.base().run_commands('make')"
    one, other = (ran(each, str(program))["made"] for each in (text, "\n" + text))
    assert one.places != other.places
    assert one == other
    assert one.declared() == other.declared() == {"base": "base", "steps": [{"run": ["make"]}]}
    assert one.cache_key() == other.cache_key()
    assert "__main__" not in repr(one)


def test_a_manifest_made_of_steps_has_the_lines_that_are_known(program: Path) -> None:
    """A step that was passed to the constructor has no line."""
    made = ran("made = Manifest(steps=({'run': ['a']},)).run_commands('b')", str(program))["made"]
    assert made.places == ("", "__main__.py:1")


def sent(run: Any, text: str, file: str, *names: str) -> list[Places]:
    """The places that a program sends with its resources."""
    engine = run(lambda: ran(text, file, Image=Image, Snapshot=Snapshot) and None)
    return [Places.decoded(engine.hidden[name][INPUT]) for name in names]


def test_a_snapshot_of_an_image_sends_the_lines_of_the_image(run: Any, program: Path) -> None:
    """It also sends its own line."""
    text = """\
    image = Image("image", Manifest.base()
        .run_commands("make"))
    Snapshot("x", image)
    Snapshot("y", {"steps": [{"run": ["make"]}]})
    """
    image, snapshot, mapping = sent(run, text, str(program), "image", "x", "y")
    assert (image.resource, image.steps) == ("__main__.py:1", (("__main__.py:2", ""),))
    assert (snapshot.resource, snapshot.steps) == ("__main__.py:3", image.steps)
    assert (mapping.resource, mapping.steps) == ("__main__.py:4", ())


@given(st.lists(st.tuples(st.sampled_from(["a.py", "b c.py", "/x/ü:1.py"]), st.integers(1, 10**6)), min_size=1))
def test_lines_are_decoded_as_they_were_encoded(lines: list[tuple[str, int]]) -> None:
    """A file that is the same is not repeated, and a step may have no line."""
    first, *others = [f"{file}:{number}" for file, number in lines]
    steps = [*others, ""]
    found = Places.decoded(encoded(first, steps))
    assert (found.resource, [line for line, _ in found.steps]) == (first, steps)


@given(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text())))
def test_any_input_is_decoded_without_an_error(text: object) -> None:
    """A program in another language may send anything there; it is cleaned before it is shown."""
    found = Places.decoded(text)
    told = found.of_step(0, 1, "manifest.steps[0].run", ".run_commands()")
    assert "\x1b" not in told
    assert "<{%" not in told


KNOWN = Places.decoded(encoded("__main__.py:20", ["__main__.py:14", "images.py:3"]))


@pytest.mark.parametrize(
    ("places", "count", "told"),
    [
        (KNOWN, 2, "images.py:3 .run_commands()"),
        (KNOWN, 3, "__main__.py:20 manifest.steps[1].run"),
        (Places(), 2, "manifest.steps[1].run"),
        (Places("resources.daily.properties."), 2, "resources.daily.properties.manifest.steps[1].run"),
    ],
    ids=["known", "changed by a transform", "another language", "YAML"],
)
def test_a_failed_step_is_shown_with_the_best_known_place(places: Places, count: int, told: str) -> None:
    """The line of another step is never shown."""
    assert places.of_step(1, count, "manifest.steps[1].run", ".run_commands()") == told


@pytest.mark.parametrize(
    ("places", "path", "told"),
    [
        (KNOWN, "manifest.steps[1].run[0]", "images.py:3: manifest.steps[1].run[0]"),
        (KNOWN, "manifest.steps[7].run[0]", "__main__.py:20: manifest.steps[7].run[0]"),
        (KNOWN, "name", "__main__.py:20: name"),
        (Places(), "name", "name"),
        (Places("resources.daily.properties."), "name", "resources.daily.properties.name"),
    ],
)
def test_a_problem_begins_with_its_place(places: Places, path: str, told: str) -> None:
    """It is the place of the step, or else of the resource."""
    assert places.locate(Problem(path, "is odd."), 2) == Problem(told, "is odd.")


def test_lines_are_not_recorded_by_a_check() -> None:
    """Neither states nor diffs contain them; the problems do."""
    lifecycle = Lifecycle(lambda: pytest.fail("asks for a key"), lambda: "")
    kind, places = KINDS["Snapshot"], Places.decoded(encoded("__main__.py:20", ["__main__.py:14"]))
    good = {"manifest": {"base": "base", "steps": [{"env": {"A": "$x"}}]}, "name": "fixed"}
    checked = lifecycle.check(kind, "urn", {}, good, places=places)
    assert "__main__" not in str(checked.inputs)
    bad = {"manifest": {"base": "base", "steps": [{"env": {"A": 1}}]}, "name": ""}
    found = lifecycle.check(kind, "urn", {}, bad, places=places).problems
    assert [path for path, _ in found] == ["__main__.py:14: manifest.steps[0].env.A", "__main__.py:20: name"]
    assert INPUT.startswith("__"), "Pulumi would show it"


def test_a_program_that_hides_differences_says_so_with_its_lines() -> None:
    """If `hide_diffs` hides a change in Pulumi's own output, the description of changes must not show it."""
    steps = ["a.py:2", "a.py:3"]
    hidden, shown = (Places.decoded(encoded("a.py:1", steps, hides_changes=hides)) for hides in (True, False))
    assert hidden == Places("", "a.py:1", (("a.py:2", ""), ("a.py:3", "")), hides_changes=True)
    assert not shown.hides_changes
    assert hidden.steps == shown.steps
