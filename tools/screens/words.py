"""Removes from a terminal's text what differs between runs: times, ids, ports, the order of simultaneous operations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_TABLE = re.compile(r"^( {5}Type +Name +)((?:Plan|Status) *)(I.*)?$")
_ROW = re.compile(r"^ .{3} (?:├─|└─) ")
_BLOCK = re.compile(r"^  \S+ \(.+\):$")
_FORECAST = re.compile(r"^    [\w-]+: (will build|cached)")
_AFTER_BLOCKS = re.compile(r"^(Outputs|Resources):$")

_TIMES = (
    (r"\((?:\d+m)?\d+(?:\.\d+)?s(\)|$)\.*", "(9s)"),
    (r"(creating|replacing|running)( replacement)?( \(9s\))?\.*(?! failed)( *$)", r"\1\2\3..."),
    (r"\(\d+\.\d s\)", "(9.0 s)"),
    (r"ready in \d+\.\d s", "ready in 9.0 s"),
    (r"· \d+ s", "· 9 s"),
    (r"Duration: .*", "Duration: 9s"),
)
_IDS = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8700"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-4000-8000-000000000000"),
)


def steady(text: str) -> str:
    """Return a terminal's text in a form that is the same in each run."""
    return "\n".join(_ordered_blocks(_tables(text.splitlines())))


def _tables(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines; the columns of tables are fitted to the replaced text."""
    table: list[str] = []
    for line in lines:
        if _TABLE.match(line) or (table and line.strip()):
            table.append(line)
            continue
        yield from _table(table)
        table = []
        yield _replaced(line)
    yield from _table(table)


def _table(lines: list[str]) -> Iterator[str]:
    head = _TABLE.match(lines[0]) if lines else None
    if head is None:
        return
    begins = len(head[1])
    ends = begins + len(head[2]) if head[3] else None
    rows = [
        (line[:begins], _replaced(line[begins:ends].rstrip()), _replaced(line[ends:] if ends else "")) for line in lines
    ]
    width = max(len(status) for _, status, _ in rows) + 2
    shown = [f"{start}{status:{width}}{info}".rstrip() for start, status, info in rows]
    # Siblings are resources that were registered at the same time.
    siblings = [index for index, line in enumerate(shown) if _ROW.match(line)]
    ordered = sorted((shown[index] for index in siblings), key=lambda line: line[8:])
    for index, line in zip(siblings, ordered, strict=True):
        glyph = "└─" if index == siblings[-1] else "├─"
        shown[index] = line[:5] + glyph + line[7:]
    yield from shown


def _ordered_blocks(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, with the blocks of the diagnostics sorted by name."""
    blocks: list[list[str]] = []
    for line in lines:
        if _BLOCK.match(line):
            blocks.append([line])
        elif blocks and not _AFTER_BLOCKS.match(line):
            # A line that the terminal wrapped starts in the first column.
            blocks[-1].append(line)
        else:
            yield from _sorted(blocks)
            blocks = []
            yield line
    yield from _sorted(blocks)


def _sorted(blocks: list[list[str]]) -> Iterator[str]:
    for block in sorted(map(_with_sorted_forecasts, blocks)):
        # The last block should end with a blank line like the others.
        yield from [*block[: len(block) - (block[-1] == "")], ""]


def _with_sorted_forecasts(block: list[str]) -> list[str]:
    """Return a block with its forecasts sorted by name; they are printed in the order of the lookups."""
    places = [index for index, line in enumerate(block) if _FORECAST.match(line)]
    found = dict(zip(places, sorted(block[index] for index in places), strict=True))
    return [found.get(index, line) for index, line in enumerate(block)]


def _replaced(text: str) -> str:
    for pattern, words in (*_TIMES, *_IDS):
        text = re.sub(pattern, words, text)
    return text
