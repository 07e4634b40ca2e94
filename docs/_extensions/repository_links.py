"""Links that leave ``docs/`` lead to the repository's pages.

In Markdown a page links ``../examples/quickstart``, which works wherever the repository is shown. On the site such a
link gets the repository's address. A target that does not exist is an error. The placeholder of that address, which
pages have in names as that of the Go module, is replaced as well.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ROOT = Path(__file__).resolve().parents[2]
_UNSET = "https://github.invalid/OWNER/pulumi-opencomputer"
_LINK = re.compile(r"(?<=\]\()(\.\./[^)\s#]*)(#[^)\s]*)?(?=\))")
_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Change each page before it is parsed, after generated text was put in."""
    app.connect("source-read", _rewrite, priority=900)
    return {"parallel_read_safe": True}


def repository() -> str:
    """Return the repository's address, which stands once in pyproject.toml."""
    hooks = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"].get("metadata", {})
    return str(hooks.get("hooks", {}).get("custom", {}).get("repository", _UNSET)).rstrip("/")


def _rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    folder = Path(app.srcdir, page).parent

    def address(link: re.Match[str]) -> str:
        target = (folder / link[1]).resolve()
        if not target.exists() or _ROOT not in target.parents:
            _log.warning("the link %s leads to nothing in the repository", link[1], location=page)
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"{repository()}/{kind}/main/{target.relative_to(_ROOT).as_posix()}{link[2] or ''}"

    named = source[0].replace(_UNSET.removeprefix("https://"), repository().removeprefix("https://"))
    source[0] = _LINK.sub(address, named)
