"""The site that `make docs` builds, in a real browser: nothing from elsewhere, no complaint, and no page too wide."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, find_browser
from snippets import ROOT

pytestmark = pytest.mark.tools

PAGES = sorted(
    page.stem for page in (ROOT / "docs").glob("*.md") if page.stem not in ("_index", "installation-configuration")
)
SIZES = {"phone": 390, "desk": 1280}
# What of the text reaches beyond the window, and is not in something that scrolls by itself: a table, a block of code.
TOO_WIDE = """
[...document.querySelectorAll('article *')].filter(each => {
  const box = each.getBoundingClientRect();
  if (box.width === 0 || box.right <= document.documentElement.clientWidth + 1) return false;
  for (let above = each; above.tagName !== 'ARTICLE'; above = above.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(above).overflowX)) return false;
  return true;
}).map(each => each.tagName + '.' + each.className + ' ' + each.textContent.slice(0, 60))
"""


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(target / "doctrees")]
    return subprocess.run([*command, str(source), str(target / "html")], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site."""
    target = tmp_path_factory.mktemp("site")
    ran = build(ROOT / "docs", target)
    assert ran.returncode == 0, ran.stderr
    return target / "html"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("there is no Chromium on PATH; the site is not tried in a browser")
    with Browser(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.mark.parametrize("page", [*PAGES, "genindex", "search"])
def test_a_page_loads_whole_and_fits_on_a_phone_and_a_desk(site, chromium, page):
    """It asks for nothing that is not beside it, and its pictures are there."""
    for name, width in SIZES.items():
        chromium.resize(width, 800, phone=name == "phone")
        chromium.requested.clear()
        chromium.complaints.clear()
        chromium.open((site / f"{page}.html").as_uri())
        assert chromium.complaints == []
        assert [url for url in chromium.requested if not url.startswith(("file:", "data:"))] == []
        assert chromium.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert chromium.evaluate(TOO_WIDE) == [], name
        assert chromium.evaluate("[...document.images].filter(each => !each.naturalWidth).map(each => each.src)") == []


def test_a_block_that_is_too_wide_is_found(site, chromium):
    """On a phone, where a browser would let the whole page scroll."""
    chromium.resize(SIZES["phone"], 800, phone=True)
    chromium.open((site / "index.html").as_uri())
    wide = "const wide = document.createElement('p'); wide.style.width = '600px'; wide.textContent = 'wide';"
    chromium.evaluate(f"{{ {wide} document.querySelector('article').append(wide) }}")
    assert "wide" in chromium.evaluate(TOO_WIDE)[-1]


def test_every_page_is_in_the_table_of_contents(site):
    """The index names each, so that readers find it."""
    index = (site / "index.html").read_text()
    assert [page for page in PAGES if f'href="{page}.html"' not in index and page != "index"] == []


def test_a_broken_link_or_reference_fails_the_build(tmp_path):
    """As does a link that leaves the folder for nothing."""
    for text in ("[a](nothing.md)", "[a](index.md#nothing)", "[a](../nothing)"):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "conf.py").write_text(
            (ROOT / "docs" / "conf.py")
            .read_text()
            .replace('Path(__file__).parent / "_extensions"', f'Path({str(ROOT / "docs")!r}) / "_extensions"')
        )
        (source / "_static").mkdir(exist_ok=True)
        (source / "_static" / "pages.css").touch()
        (source / "index.md").write_text(f"# Title\n\n{text}\n")
        ran = build(source, tmp_path / "built")
        assert ran.returncode != 0, text
        assert "nothing" in ran.stderr
