"""Find the links of Markdown pages."""

from __future__ import annotations

import re
from pathlib import Path

_CODE = re.compile(r"^ *(```+).*?^ *\1\s*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"")


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and images, as written."""
    return [one or other for one, other in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
