"""Find the code blocks on the project's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_MADE = {"node_modules", ".venv", ".pytest_cache", ROOT / "docs" / "screens"}

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)\n", re.M | re.S
)
_COMMENT = re.compile(r"<!-- (?P<text>[^>]*) -->\s*\Z")


@dataclass(frozen=True)
class Snippet:
    """One code block.

    Attributes:
        page: The page's path relative to the repository.
        line: The line number of its first line of code.
        language: The language named on the fence.
        text: The code.
        comment: The HTML comment before the block, which says how to test it if that is unusual; otherwise empty.
    """

    page: str
    line: int
    language: str
    text: str
    comment: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Script:
    """Python blocks that a reader runs as one program. A block with imports begins a new program.

    Attributes:
        snippets: The blocks, in order.
    """

    snippets: tuple[Snippet, ...]

    @property
    def text(self) -> str:
        """The program's source code."""
        return "\n\n".join(snippet.text for snippet in self.snippets)

    @property
    def comment(self) -> str:
        """The comment before its first block."""
        return self.snippets[0].comment

    def __str__(self) -> str:
        return str(self.snippets[0])


def pages() -> list[Path]:
    """Return every page of the documentation."""
    folders = ("docs", "examples", "provider", "benchmarks", "tests/states")
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
    for folder in folders:
        found += sorted((ROOT / folder).rglob("*.md"))
    return [page for page in found if not _MADE & {*page.parts, page.parent}]


def snippets(*languages: str) -> list[Snippet]:
    """Return all blocks, or only those in these languages."""
    return [each for page in pages() for each in _of(page) if not languages or each.language in languages]


def scripts() -> list[Script]:
    """Return the Python programs on all pages."""
    found: list[list[Snippet]] = []
    page = ""
    for snippet in snippets("python"):
        if snippet.page != page or re.search(r"^(import|from) ", snippet.text, re.M):
            found.append([])
        page = snippet.page
        found[-1].append(snippet)
    return [Script(tuple(each)) for each in found]


def _of(page: Path) -> Iterator[Snippet]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        comment = _COMMENT.search(text[: match.start()])
        lines = match["text"].splitlines(keepends=True)
        code = "".join(each.removeprefix(match["indent"]) for each in lines)
        name = page.relative_to(ROOT).as_posix()
        yield Snippet(name, line, match["language"].strip(), code, comment["text"] if comment else "")
