"""Every Pulumi feature that concerns a resource: the documentation's table of them, and marks for their tests."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from amounts import ALL
from declared_program import COLUMNS


class Cell(NamedTuple):
    """The outcome of a feature in one kind of program.

    Attributes:
        verdict: ``right`` if it works, ``refused`` if it is rejected before anything is sent, or ``Pulumi's own`` if
            Pulumi itself decides.
        words: Text of the rejection, or what Pulumi does.
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
        group: The group of features that it belongs to.
        name: Its name in Pulumi: an option's Python name, a flag or a command.
        effect: What happens if it works.
        cells: The outcome in each column.
    """

    group: str
    name: str
    effect: str
    cells: tuple[Cell, Cell, Cell]


RIGHT = Cell("right")
_NO_EFFECT = Cell("Pulumi's own", "means nothing to a dynamic resource")
ABSENT = Cell("Pulumi's own", "YAML has no such option")


def refused(words: str) -> Cell:
    """Return a cell for a feature that is rejected with a message containing these words."""
    return Cell("refused", words)


def own(words: str) -> Cell:
    """Return a cell for a feature where Pulumi itself decides; `words` say what it does."""
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
        ("protect", "deleting or replacing it is an error, and the snapshot stays", _same()),
        ("retain_on_delete", "the snapshot stays at the server when its resource is removed", _same()),
        ("delete_before_replace", "the old snapshot is deleted before the new image is built", _same()),
        (
            "replace_on_changes",
            "replaces when the property changes; inputs that [change nothing](changes.md) still change nothing",
            _same(),
        ),
        ("replacement_trigger", "a new value makes the snapshot again, from the cache", _IN_PYTHON),
        ("replace_with", "the snapshot is made again together with the other resource", _IN_PYTHON),
        ("ignore_changes", 'with `["manifest"]` the recorded content and the snapshot stay', _same()),
        ("aliases", "a renamed resource keeps its snapshot, even if it changes in the same run", _same()),
        ("parent", "the URN, and with it the ownership mark, is that of a child", _same()),
        ("depends_on", "waits for the other resource", _same()),
        ("additional_secret_outputs", "the output is encrypted in the state", _same()),
        ("custom_timeouts", "`create` limits the build", _same()),
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
            "the resource uses that provider's server and key",
            (refused("provider: is not followed by the dynamic resources"), RIGHT, RIGHT),
        ),
        (
            "providers",
            "the same for the children of a component",
            (refused("providers of the parent: is not followed by the dynamic resources"), RIGHT, ABSENT),
        ),
        ("transformations", "their changes are used, secrets included", _IN_PYTHON),
        ("transforms", "their changes are used; the dynamic provider treats each step they add as secret", _IN_PYTHON),
        ("hooks", "run before and after the operation", _IN_PYTHON),
        ("deleted_with", "if the other resource is deleted too, no delete is sent: the snapshot stays", _same()),
        ("hide_diffs", "the difference is not shown, but takes effect", _IN_PYTHON),
        (
            "version",
            "",
            (
                own("a warning about Pulumi's own dynamic provider"),
                own("a warning if the plugin on PATH is older"),
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
        ("preview --json", "the same, for programs to read", _same()),
        ("preview --refresh", "looks at the server first", _same()),
        ("preview --target", "only the named resources", _same()),
        ("preview --exclude", "all but the named resources", _same()),
        ("preview --replace", "shows the replacement", _same()),
        ("preview --expect-no-changes", "fails if something would change", _same()),
        ("preview --show-secrets", "shows secrets; without the flag none is shown", _same()),
    ),
    *_rows(
        "Flags of `pulumi up`",
        ("up --replace", "makes the snapshot again, even if its content changes in the same run", _same()),
        ("up --target", "changes only the named resources", _same()),
        ("up --target-replace", "targets and replaces the named resources", _same()),
        ("up --target-dependents", "changes what depends on them as well", _same()),
        (
            "up --exclude",
            "changes all but the named resources; the next `up` deletes what was replaced",
            _same(),
        ),
        ("up --exclude-dependents", "leaves out what depends on those as well", _same()),
        ("up --refresh", "a snapshot that somebody deleted is made again", _same()),
        ("up --diff", "shows the same lines of the build", _same()),
        ("up --json", "the same, for programs to read", _same()),
        ("up --parallel", "limits how many builds run at a time", _same()),
        ("up --continue-on-error", "builds what it can after an error", _same()),
        ("up --expect-no-changes", "fails if something changes", _same()),
    ),
    *_rows(
        "Flags of `pulumi refresh`",
        ("refresh", "a snapshot that is gone is removed from the state; nothing changes at the server", _same()),
        ("refresh --preview-only", "says what differs and changes nothing", _same()),
        ("refresh --target", "only the named resources", _same()),
        ("refresh --exclude", "all but the named resources", _same()),
        ("refresh --run-program", "uses the settings that the program has now", _same()),
        ("refresh --diff", "shows what differs", _same()),
        ("refresh --json", "the same, for programs to read", _same()),
        ("refresh --expect-no-changes", "fails if something differs", _same()),
        ("refresh --clear-pending-creates", "after a killed run: the next `up` finds what it made", _same()),
    ),
    *_rows(
        "Flags of `pulumi destroy`",
        ("destroy", "deletes this stack's own snapshots, and nobody else's", _same()),
        ("destroy --preview-only", "says what would be deleted", _same()),
        ("destroy --target", "deletes only the named resources", _same()),
        ("destroy --target-dependents", "deletes what depends on them as well", _same()),
        ("destroy --exclude", "deletes all but the named resources", _same()),
        ("destroy --exclude-protected", "deletes all but protected resources", _same()),
        ("destroy --refresh", "works even if a snapshot is gone already", _same()),
        ("destroy --run-program", "uses the settings that the program has now", _same()),
        ("destroy --continue-on-error", "deletes what it can after an error", _same()),
        ("destroy --remove", "deletes the stack as well", _same()),
    ),
    *_rows(
        "`pulumi state` and `pulumi import`",
        ("state taint", "the next `up` makes the snapshot again, even if its content changed", _same()),
        ("state untaint", "takes that back", _same()),
        ("state delete", "the snapshot stays; the next `up` replaces it as its own", _same()),
        ("state rename", "the resource keeps its snapshot, and replaces it as its own", _same()),
        ("state move", "the other stack keeps the snapshot, and replaces it as its own", _same()),
        ("state protect", "the same as the option", _same()),
        ("state unprotect", "takes that back", _same()),
        ("state repair", "a healthy state stays as it is", _same()),
        (
            "pulumi import",
            "takes an existing snapshot into the state as it is",
            (own("a dynamic provider has no package to import from"), RIGHT, RIGHT),
        ),
    ),
    *_rows(
        "`pulumi stack`",
        ("stack export", "contains no secret in clear and no local file's content", _same()),
        ("stack import", "restores what was exported", _same()),
        ("stack rename", "nothing changes; a later change replaces the resource's own snapshot", _same()),
        ("stack change-secrets-provider", "nothing changes", _same()),
        ("stack rm", "", _same(own("refused while there are resources"))),
        ("stack rm --force", "the snapshots stay at the server", _same()),
    ),
]


def feature(name: str) -> Feature:
    """Return the feature with a name."""
    return next(each for each in FEATURES if each.name == name)


_turn = itertools.count()


def tries(*names: str, columns: Sequence[str] = ("dynamic", "python", "yaml")) -> Callable[[Any], Any]:
    """Mark a test as covering some features in some columns. Only one of the columns runs, unless all cases do."""
    available = [column for column in COLUMNS if column.name in columns]
    chosen = available if ALL else [available[next(_turn) % len(available)]]

    def mark(test: Any) -> Any:
        test.tried = {(name, column) for name in names for column in columns}
        return pytest.mark.parametrize("column", chosen, ids=lambda column: column.name)(test)

    return mark


def cell(name: str, column: str) -> Cell:
    """Return the expected outcome of a feature in a column."""
    return feature(name).cells[[each.name for each in COLUMNS].index(column)]


def table() -> str:
    """Return the table for the documentation, in Markdown."""
    lines = []
    for group, rows in itertools.groupby(FEATURES, lambda each: each.group):
        lines += [
            f"## {group}",
            "",
            "| | what it does | dynamic | Python on the plugin | YAML |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [f"| `{row.name}` | {row.effect} | " + " | ".join(map(str, row.cells)) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table())
