"""What Pulumi can do with a resource, and what comes of it here: the table's data, and how tests refer to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from amounts import ALL
from declared_program import COLUMNS


class Cell(NamedTuple):
    """What comes of a feature in one kind of program.

    Attributes:
        verdict: ``right``; ``refused`` before anything is sent; ``Pulumi's own`` where Pulumi itself decides.
        words: Words of the refusal; or what Pulumi does.
    """

    verdict: str
    words: str = ""

    def __str__(self) -> str:
        if self.verdict == "refused":
            return f"refused: “{self.words}”"
        return f"{self.verdict}: {self.words}" if self.words else self.verdict


class Feature(NamedTuple):
    """A row of the table.

    Attributes:
        group: Where it belongs.
        name: Its name in Pulumi: an option as in Python, a flag, a command.
        effect: What comes of it where it is right.
        cells: Of each column.
    """

    group: str
    name: str
    effect: str
    cells: tuple[Cell, Cell, Cell]


RIGHT = Cell("right")
ABSENT = Cell("Pulumi's own", "YAML has no such option")


def refused(words: str) -> Cell:
    """A refusal with these words in it."""
    return Cell("refused", words)


def own(words: str) -> Cell:
    """Pulumi decides: what it does."""
    return Cell("Pulumi's own", words)


def _rows(group: str, *rows: tuple[str, str, Any]) -> list[Feature]:
    return [
        Feature(group, name, effect, cells if isinstance(cells[0], Cell) else (cells,) * 3)
        for name, effect, cells in rows
    ]


def _same(cell: Cell = RIGHT) -> tuple[Cell, Cell, Cell]:
    return (cell, cell, cell)


_IN_PYTHON = (RIGHT, RIGHT, ABSENT)

FEATURES: list[Feature] = [
    *_rows(
        "Resource options",
        ("protect", "a delete or a replacement is an error of Pulumi's, and the snapshot stays", _same()),
        ("retain_on_delete", "the snapshot stays at the server when its resource goes", _same()),
        ("delete_before_replace", "the old snapshot goes before the new image is built", _same()),
        ("replace_on_changes", "replaces for what is a change; what is none (README) stays none", _same()),
        ("replacement_trigger", "another value makes the snapshot anew, from the cache", _IN_PYTHON),
        ("replace_with", "the snapshot is made anew together with the other resource", _IN_PYTHON),
        ("ignore_changes", 'with `["manifest"]` the recorded content and snapshot stay', _same()),
        ("aliases", "a renamed resource keeps its snapshot, also where it changes in the same run", _same()),
        ("parent", "the URN, and so the ownership mark, is the one below the parent", _same()),
        ("depends_on", "waits for the other resource", _same()),
        ("additional_secret_outputs", "the output is encrypted in the state", _same()),
        ("custom_timeouts", "`create` limits the build; nothing else takes long", _same()),
        (
            "import_",
            "takes an existing snapshot into the state as it is",
            (refused("import_: is not possible with the dynamic resources"), RIGHT, RIGHT),
        ),
        (
            "provider",
            "the provider's own server and key count",
            (refused("provider: is not followed by the dynamic resources"), RIGHT, RIGHT),
        ),
        (
            "providers",
            "as `provider`, for the children of a component",
            (refused("providers of the parent: is not followed by the dynamic resources"), RIGHT, ABSENT),
        ),
        ("transformations", "what they change counts, secrets too", _IN_PYTHON),
        ("transforms", "what they change counts; the dynamic provider hides each step they add", _IN_PYTHON),
        ("hooks", "run before and after the operation", _IN_PYTHON),
        (
            "deleted_with",
            "no delete is sent when the other resource goes too: the snapshot stays at the server",
            _same(),
        ),
        ("hide_diffs", "the difference is not shown, and counts all the same", _IN_PYTHON),
        (
            "version",
            "",
            (own("no effect on a dynamic resource"), own("that plugin must be installed"), own("as in Python")),
        ),
        (
            "plugin_download_url",
            "",
            (
                own("no effect on a dynamic resource"),
                own("where Pulumi looks for a plugin that is missing"),
                own("as in Python"),
            ),
        ),
    ),
]


def feature(name: str) -> Feature:
    """The feature of a name."""
    return next(each for each in FEATURES if each.name == name)


_turn = itertools.count()


def tries(*names: str, columns: Sequence[str] = ("dynamic", "python", "yaml")) -> Callable[[Any], Any]:
    """Mark a test as what tries some features, in each of the columns; one column a test unless all are wanted."""
    available = [column for column in COLUMNS if column.name in columns]
    chosen = available if ALL else [available[next(_turn) % len(available)]]

    def mark(test: Any) -> Any:
        test.tried = {(name, column) for name in names for column in columns}
        return pytest.mark.parametrize("column", chosen, ids=lambda column: column.name)(test)

    return mark


def cell(name: str, column: str) -> Cell:
    """What is to come of a feature in a column."""
    return feature(name).cells[[each.name for each in COLUMNS].index(column)]


def table() -> str:
    """The table for the documentation."""
    lines = []
    for group, rows in itertools.groupby(FEATURES, lambda each: each.group):
        lines += [
            f"## {group}",
            "",
            "| | what comes of it | dynamic | Python on the plugin | YAML |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [f"| `{row.name}` | {row.effect} | " + " | ".join(map(str, row.cells)) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)
