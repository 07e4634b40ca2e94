"""What Pulumi can do with a resource, and what comes of it here: the table's data, and how tests refer to it."""

from __future__ import annotations

import itertools
import sys
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
_NO_EFFECT = Cell("Pulumi's own", "means nothing to a dynamic resource")
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
            "id",
            "reads an existing snapshot (in YAML `get`), which stays when the stack goes",
            (refused("id: is not possible with the dynamic resources"), RIGHT, RIGHT),
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
        ("deleted_with", "where the other resource goes too no delete is sent: the snapshot stays", _same()),
        ("hide_diffs", "the difference is not shown, and counts all the same", _IN_PYTHON),
        (
            "version",
            "",
            (
                own("a warning, about Pulumi's own dynamic provider"),
                own("a warning where the plugin on PATH is older"),
                own("as in Python"),
            ),
        ),
        (
            "plugin_download_url",
            "",
            (_NO_EFFECT, own("where Pulumi looks for a plugin that is missing"), own("as in Python")),
        ),
    ),
    *_rows(
        "Flags of `pulumi preview`",
        ("preview", "says what would be done; builds and changes nothing", _same()),
        ("preview --diff", "shows what differs", _same()),
        ("preview --json", "the same for programs", _same()),
        ("preview --refresh", "looks at the server first", _same()),
        ("preview --target", "of the named resources alone", _same()),
        ("preview --exclude", "of all but the named resources", _same()),
        ("preview --replace", "shows the replacement", _same()),
        ("preview --expect-no-changes", "fails where something would change", _same()),
        ("preview --show-secrets", "shows secrets, as it says; without the flag none is shown", _same()),
    ),
    *_rows(
        "Flags of `pulumi up`",
        ("up --replace", "makes the snapshot anew, also with other content in the same run", _same()),
        ("up --target", "changes the named resources alone", _same()),
        ("up --target-replace", "both in one", _same()),
        ("up --target-dependents", "and what depends on them", _same()),
        (
            "up --exclude",
            "changes all but the named resources; the next `up` deletes what was replaced",
            _same(),
        ),
        ("up --exclude-dependents", "nor what depends on those", _same()),
        ("up --refresh", "a snapshot that somebody deleted is made again", _same()),
        ("up --diff", "the same lines of the build", _same()),
        ("up --json", "the same for programs", _same()),
        ("up --parallel", "so many builds at a time", _same()),
        ("up --continue-on-error", "builds what it can", _same()),
        ("up --expect-no-changes", "fails where something changes", _same()),
    ),
    *_rows(
        "Flags of `pulumi refresh`",
        ("refresh", "a snapshot that is gone leaves the state; nothing at the server changes", _same()),
        ("refresh --preview-only", "says so, and changes nothing", _same()),
        ("refresh --target", "of the named resources alone", _same()),
        ("refresh --exclude", "of all but the named resources", _same()),
        ("refresh --run-program", "with the settings that the program has now", _same()),
        ("refresh --diff", "shows what differs", _same()),
        ("refresh --json", "the same for programs", _same()),
        ("refresh --expect-no-changes", "fails where something differs", _same()),
        ("refresh --clear-pending-creates", "after a run that was killed: the next `up` finds what it made", _same()),
    ),
    *_rows(
        "Flags of `pulumi destroy`",
        ("destroy", "deletes this stack's own snapshots, and nobody else's", _same()),
        ("destroy --preview-only", "says what would be deleted", _same()),
        ("destroy --target", "the named resources alone", _same()),
        ("destroy --target-dependents", "and what depends on them", _same()),
        ("destroy --exclude", "all but the named resources", _same()),
        ("destroy --exclude-protected", "all but those that are protected", _same()),
        ("destroy --refresh", "also where a snapshot is gone already", _same()),
        ("destroy --run-program", "with the settings that the program has now", _same()),
        ("destroy --continue-on-error", "deletes what it can", _same()),
        ("destroy --remove", "and the stack", _same()),
    ),
    *_rows(
        "`pulumi state` and `pulumi import`",
        ("state taint", "the next `up` makes the snapshot anew, also with other content", _same()),
        ("state untaint", "the next `up` does not", _same()),
        ("state delete", "the snapshot stays; the next `up` replaces it as its own", _same()),
        ("state rename", "the resource keeps its snapshot, and replaces it as its own", _same()),
        ("state move", "the other stack keeps the snapshot, and replaces it as its own", _same()),
        ("state protect", "as the option", _same()),
        ("state unprotect", "as without it", _same()),
        ("state repair", "a healthy state stays as it is", _same()),
        (
            "pulumi import",
            "takes an existing snapshot into the state as it is",
            (own("a dynamic provider has no package to import from"), RIGHT, RIGHT),
        ),
    ),
    *_rows(
        "`pulumi stack`",
        ("stack export", "holds no secret in clear, and no file's content", _same()),
        ("stack import", "what was exported is as before", _same()),
        ("stack rename", "nothing changes; a change replaces the own snapshot", _same()),
        ("stack change-secrets-provider", "nothing changes", _same()),
        ("stack rm", "", _same(own("refused while there are resources"))),
        ("stack rm --force", "the snapshots stay at the server", _same()),
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


if __name__ == "__main__":
    sys.stdout.write(table())
