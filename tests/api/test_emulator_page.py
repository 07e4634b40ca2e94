"""The emulator's page in a real browser, and the files and events it consists of."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from browser import Browser, find_browser
from emulator_client import call, create, manifest, stream
from emulator_process import Emulator, wait_until

pytestmark = pytest.mark.long

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HOSTILE = [
    '<img src="x" onerror="document.title=1">',
    '"><script>document.title=2</script>',
    "javascript:document.title=3",
    "${document.title=4}{{5}}<%=6%>",
    "&lt;b&gt;&amp;",
    "__proto__",
    "constructor",
    "\u202egnp.exe",
    "line\nbreak\ttab\x1b[31m",
    "\ufeff\u200b",
    "😀" * 20,
    "x" * 2000,
]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("there is no Chromium on PATH; the page is not tried in a browser")
    with Browser(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(chromium, emulator) -> Browser:
    """The page of an emulator without records, on a desktop's screen."""
    chromium.resize(1280, 800)
    chromium.prefer("light")
    return opened(chromium, emulator)


def opened(browser: Browser, emulator: Emulator) -> Browser:
    browser.open("about:blank")
    browser.requested.clear()
    browser.complaints.clear()
    browser.open(emulator.url + "/")
    browser.wait_for("document.querySelector('#connection').textContent === 'live'")
    return browser


def count(name: str) -> str:
    return f"document.querySelector('[data-count={name}]').textContent"


def names(section: str) -> str:
    return f"[...document.querySelectorAll('#list-{section} li:not([hidden]) .name')].map(each => each.textContent)"


def search(page: Browser, text: str) -> None:
    script = "const s = document.querySelector('#search'); s.value = {}; s.dispatchEvent(new Event('input'))"
    page.evaluate(f"{{ {script.format(json.dumps(text))} }}")


def background(page: Browser) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.tools
def test_a_running_build_and_its_log_are_shown(page, emulator):
    """Log lines appear one by one; the build is running, then ready, and its snapshot appears."""
    body = {"name": "live", "image": manifest("first", "SLEEP_BUILD_100")}
    builder = threading.Thread(target=stream, args=(emulator, "/api/snapshots", body))
    builder.start()
    page.wait_for("document.querySelector('#list-builds .log')?.textContent.includes('Step 1/1: first && SLEEP')")
    assert page.evaluate("document.querySelector('#list-builds .state').textContent") == "running"
    assert page.evaluate("document.querySelector('#list-builds details').open")
    assert page.evaluate(count("snapshots")) == "0"
    emulator.advance(100)
    page.wait_for("document.querySelector('#list-builds .state').textContent === 'ready'")
    page.wait_for("document.querySelector('#list-builds .log').lastChild.textContent === 'Creating checkpoint...'")
    page.wait_for(f"{count('snapshots')} === '1'")
    builder.join()
    assert page.complaints == []


@pytest.mark.tools
def test_the_reason_of_a_failed_build_is_shown(page, emulator):
    """The error is a line of the log, which is expanded."""
    create(emulator, "f", manifest("FAIL_BUILD"))
    page.wait_for("document.querySelector('#list-builds details[open] .log .error') !== null")
    shown = page.evaluate("document.querySelector('#list-builds .error').textContent")
    assert shown.startswith("step 0 (run) failed (exit 1)")


@pytest.mark.tools
def test_two_hundred_snapshots_are_shown_and_can_be_searched(page, emulator):
    """A search shows the entries that contain all of its words, in every list."""
    for number in range(200):
        create(emulator, f"tool-{number:03}", manifest("x"))
    page.wait_for(f"{count('snapshots')} === '200'")
    search(page, " tool 19")
    assert sorted(page.evaluate(names("snapshots")))[-1] == "tool-199"
    assert page.evaluate(count("snapshots")) == "12 of 200"
    create(emulator, "tool-19-new", manifest("x"))
    page.wait_for(f"{count('snapshots')} === '13 of 201'")
    search(page, "")
    assert page.evaluate(count("snapshots")) == "201"


@pytest.mark.tools
@pytest.mark.parametrize("width", [320, 1280])
def test_hostile_names_are_shown_as_text(page, emulator, width):
    """Text from a client creates no element, runs nothing, and is not wider than the screen, even on a phone."""
    page.resize(width, 700, phone=width < 400)
    for name in HOSTILE:
        create(emulator, name, manifest(f"echo {name!r}"))
    page.wait_for(f"{count('snapshots')} === '{len(HOSTILE)}'")
    shown = page.evaluate(names("snapshots"))[::-1]
    assert shown[:7] == HOSTILE[:7]
    assert shown[7:10] == ["\\u{202e}gnp.exe", "line\\u{a}break\\u{9}tab\\u{1b}[31m", "\\u{feff}\\u{200b}"]
    assert page.evaluate("document.querySelectorAll('main :is(img, script, b:not([data-count]), a)').length") == 0
    assert page.evaluate("document.title") == "OpenComputer emulator"
    for section in ("snapshots", "builds", "requests"):
        page.evaluate(f"location.hash = '{section}'")
        page.wait_for(f"document.querySelector('#list-{section}').checkVisibility()")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), section
    assert page.complaints == []


@pytest.mark.tools
def test_the_page_loads_only_from_the_emulator_and_obeys_its_own_policy(page, emulator):
    """Everything comes from the emulator, and the browser reports no violation."""
    assert len(page.requested) >= 4
    assert all(url.startswith(emulator.url + "/") for url in page.requested)
    assert page.complaints == []


@pytest.mark.tools
def test_reset_needs_the_key(page, emulator):
    """A wrong key changes nothing and is reported; the right one deletes everything."""
    create(emulator, "a", manifest("x"))
    page.wait_for(f"{count('snapshots')} === '1'")
    page.evaluate("document.querySelector('#reset').click()")
    page.enter("wrong")
    page.press("Enter")
    page.wait_for("document.querySelector('#ask-error').textContent.includes('does not accept')")
    assert len(emulator.records()) == 2
    page.evaluate("document.querySelector('#key').select()")
    page.enter(emulator.api_key)
    page.press("Enter")
    page.wait_for(f"{count('snapshots')} === '0' && {count('builds')} === '0'")
    assert emulator.records() == []
    assert not page.evaluate("document.querySelector('#ask-key').open")


@pytest.mark.tools
def test_colours_follow_the_system_until_one_is_chosen(page, emulator):
    """The choice is kept when the page is opened again."""
    light = background(page)
    page.prefer("dark")
    dark = background(page)
    assert light != dark
    page.evaluate("document.querySelector('#theme').click()")
    assert background(page) == light
    opened(page, emulator)
    assert background(page) == light
    page.evaluate("document.querySelector('#theme').click()")
    assert background(page) == dark
    page.evaluate("document.querySelector('#theme').click(); localStorage.clear()")


@pytest.mark.tools
def test_requests_sandboxes_and_faults_are_shown(page, emulator):
    """Each appears in its list."""
    call(emulator, "POST", "/api/sandboxes", json={})
    emulator.fail("failing-builds")
    try:
        page.wait_for(f"{count('sandboxes')} === '1' && {count('faults')} === '1'")
        page.wait_for(f"{names('requests')}.includes('POST /api/sandboxes')")
        assert page.evaluate(names("faults")) == ["build"]
    finally:
        emulator.fail()


@pytest.mark.tools
def test_a_long_list_shows_the_newest_entries_and_counts_all(page, emulator):
    """This keeps the page fast; a line says that there are more."""
    for number in range(201):
        call(emulator, "GET", f"/api/snapshots/n{number}")
    page.wait_for(f"{count('requests')} === '201'")
    page.wait_for(f"{names('requests')}.length === 200")
    assert page.evaluate(names("requests"))[0] == "GET /api/snapshots/n200"
    assert page.evaluate("document.querySelector('#list-requests .more').textContent") == "These are the newest 200."


@pytest.mark.tools
def test_the_page_reconnects_after_a_restart(chromium, start_emulator):
    """It says that it is not connected, and shows the current state after a restart."""
    emulator = start_emulator()
    create(emulator, "a", manifest("x"))
    page = opened(chromium, emulator)
    emulator.kill()
    page.wait_for("document.querySelector('#connection').textContent.startsWith('not connected')")
    emulator.restart()
    page.wait_for("document.querySelector('#connection').textContent === 'live'")
    page.wait_for(f"{count('snapshots')} === '1' && {count('builds')} === '0'")


@pytest.mark.tools
def test_from_another_machine_the_page_asks_for_the_key(chromium, start_emulator):
    """With the key, everything is shown."""
    address = own_address()
    emulator = start_emulator(host="0.0.0.0", allowed_host=address)
    create(emulator, "a", manifest("x"))
    chromium.open(emulator.url.replace("0.0.0.0", address) + "/")
    chromium.wait_for("document.querySelector('#ask-key').open")
    assert chromium.evaluate(count("snapshots")) == "0"
    chromium.enter("wrong")
    chromium.press("Enter")
    chromium.wait_for("document.querySelector('#ask-error').textContent.includes('does not accept')")
    chromium.evaluate("document.querySelector('#key').select()")
    chromium.enter(emulator.api_key)
    chromium.press("Enter")
    chromium.wait_for(f"{count('snapshots')} === '1'")


def own_address() -> str:
    """Return an address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


def test_only_browsers_get_the_page(emulator):
    """Other clients, and requests to other host names than the emulator's, get the server's own response."""
    page = call(emulator, "GET", "/", headers=HTML)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    others: list[dict[str, str]] = [{}, {**HTML, "Host": "evil.example"}]
    for headers in others:
        other = call(emulator, "GET", "/", headers=headers)
        assert (other.status_code, other.json()) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("name", ["feed.py", "..%2f__init__.py", "%2e%2e/app.py", ""])
def test_the_page_has_no_other_files(emulator, name):
    """No other file of the package can be read."""
    assert call(emulator, "GET", f"/_emulator/page/{name}").status_code == 404


def test_the_feed_sends_everything_and_then_changes(emulator):
    """A page that is opened later gets the log of a finished build too."""
    create(emulator, "a", manifest("x"))
    seen: dict[str, str] = {}
    with httpx.stream("GET", emulator.url + "/_emulator/events", trust_env=False, verify=False) as feed:
        lines = feed.iter_lines()
        while not {"about", "builds", "records", "requests", "faults", "sandboxes", "log"} <= set(seen):
            line = next(lines)
            if line.startswith("event: "):
                seen[line.removeprefix("event: ")] = next(lines).removeprefix("data: ")
        assert [record["name"] for record in json.loads(seen["records"])] == ["a", None]
        assert json.loads(seen["log"])["lines"][-1]["message"] == "Creating checkpoint..."
        create(emulator, "b", manifest("x"))
        changed = next(next(lines) for line in lines if line == "event: records")
    assert [record["name"] for record in json.loads(changed.removeprefix("data: "))] == ["b", "a", None]


def test_an_open_page_does_not_stop_the_emulator_from_ending(start_emulator):
    """The connection of its feed is closed."""
    emulator = start_emulator()
    with httpx.stream("GET", emulator.url + "/_emulator/events", trust_env=False, verify=False) as feed:
        next(feed.iter_lines())
        assert emulator.stop() == 0
    assert "Traceback" not in emulator.log()


def test_the_memory_for_logs_is_limited(emulator):
    """The newest thousand lines of a build's log are kept."""
    emulator.fail({"kind": "build", "output": ["x"] * 1500})
    create(emulator, "a", manifest("y"))
    emulator.fail()
    with httpx.stream("GET", emulator.url + "/_emulator/events", trust_env=False, verify=False) as feed:
        lines = feed.iter_lines()
        log = next(next(lines) for line in lines if line == "event: log")
    kept = json.loads(log.removeprefix("data: "))["lines"]
    assert len(kept) == 1000
    assert kept[-1]["message"] == "Creating checkpoint..."
    wait_until(lambda: emulator.get("/health")["counts"]["builds"] == 1)
