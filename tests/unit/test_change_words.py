"""What changed in an image, described in one line: packages, commands, files, the order of steps; never a secret."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.lifecycle.detailed_diff import content_changes
from pulumi_opencomputer.manifest.changes import changes_in_words
from pulumi_opencomputer.manifest.secrets import Secrets


def local(path: str, digest: str, size: int, files: int | None = None, **more: Any) -> dict[str, Any]:
    """A step that embeds local files, with the digest and counts that a check adds."""
    body = {"path": path, "source": "/home/x" + path, "digest": digest, "bytes": size, **more}
    return {"addFile": body} if files is None else {"addDir": {**body, "files": files}}


def manifest(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"base": "base", "steps": list(steps), **more}


def words(old: Any, new: Any, old_secret: tuple[str, ...] = (), new_secret: tuple[str, ...] = ()) -> str:
    return changes_in_words(old, new, Secrets(old, old_secret), Secrets(new, new_secret))


APT, PIP, RUN = {"aptInstall": ["jq"]}, {"pipInstall": ["polars==1.9.0", "numpy"]}, {"run": ["make"]}

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "step 2 pip install: +polars==1.9.1 -polars==1.9.0": (
        manifest(APT, PIP),
        manifest(APT, {"pipInstall": ["polars==1.9.1", "numpy"]}),
    ),
    "step 1 pip install: in another order": (manifest(PIP), manifest({"pipInstall": ["numpy", "polars==1.9.0"]})),
    'step 1 run: +"make test"': (manifest(RUN), manifest({"run": ["make", "make test"]})),
    "step 1 env: ~B +C -A": (manifest({"env": {"A": "1", "B": "2"}}), manifest({"env": {"B": "3", "C": "4"}})),
    'step 1 workdir: /w → "/my w"': (manifest({"workdir": "/w"}), manifest({"workdir": "/my w"})),
    "step 1 add directory /w: files changed (12 → 13, +1.2 kB)": (
        manifest(local("/w", "aa", 5000, 12)),
        manifest(local("/w", "bb", 6200, 13)),
    ),
    "step 1 add directory /w: files changed (12, same size)": (
        manifest(local("/w", "aa", 5000, 12)),
        manifest(local("/w", "bb", 5000, 12)),
    ),
    "step 1 add file /f: content changed (1 byte → 2.0 kB)": (
        manifest(local("/f", "aa", 1)),
        manifest(local("/f", "bb", 2000)),
    ),
    "step 1 add file /f → /g": (manifest(local("/f", "aa", 1)), manifest(local("/g", "aa", 1))),
    "step 1 add file /f: content changed (same size)": (
        manifest({"addFile": {"path": "/f", "content": "a"}}),
        manifest({"addFile": {"path": "/f", "content": "b"}}),
    ),
    "step 1 add directory /d: files changed (1 → 2, +3 bytes)": (
        manifest({"addDir": {"path": "/d", "files": [{"relativePath": "a", "content": "x"}]}}),
        manifest(
            {"addDir": {"path": "/d", "files": [{"relativePath": n, "content": c} for n, c in ("ax", ("b", "yyy"))]}}
        ),
    ),
    "step 2 apt install jq added": (manifest(RUN), manifest(RUN, APT)),
    "run make, which was step 2, removed": (manifest(APT, RUN), manifest(APT)),
    "step 3 apt install moved from 1": (manifest(APT, PIP, RUN), manifest(PIP, RUN, APT)),
    "step 1 env A added": (manifest(APT), manifest({"env": {"A": "hunter2"}}, APT)),
    "base base → gpu": (manifest(APT), {**manifest(APT), "base": "gpu"}),
    "a fresh build is asked for": (manifest(APT), manifest(APT, rebuild="2026-08-01")),
    "step 1 pip install: +polars==1.9.1 -polars==1.9.0; step 2 add directory /w: files changed (12 → 13, +1.2 kB); "
    "step 3 run moved from 5": (
        manifest(PIP, local("/w", "aa", 5000, 12), APT, {"workdir": "/w"}, RUN),
        manifest({"pipInstall": ["polars==1.9.1", "numpy"]}, local("/w", "bb", 6200, 13), RUN, APT, {"workdir": "/w"}),
    ),
    "the local files changed": (
        manifest({"addDir": {"path": "/w", "source": "/x", "files": 1, "bytes": 5}}),
        manifest({"addDir": {"path": "/w", "source": "/x", "files": 1, "bytes": 5}}),
    ),
    "": (manifest(APT, PIP), manifest(APT, PIP, builderMemoryMB=4096)),
}


@pytest.mark.parametrize("told", CHANGES)
def test_a_change_is_described_in_words(told: str) -> None:
    """The text has the step's number and kind, and what changed in it."""
    assert words(*CHANGES[told]) == told


def test_where_local_files_lie_is_no_change() -> None:
    """Another source path, or patterns that leave out the same files, are not mentioned."""
    old = manifest(APT, local("/w", "aa", 5000, 12))
    new = manifest({"aptInstall": ["curl"]}, local("/w", "aa", 5000, 12, source="/elsewhere", ignore=["*.log"]))
    assert words(old, new) == "step 1 apt install: +curl -jq"


@pytest.mark.parametrize("side", ["before", "after", "both"])
def test_a_step_with_a_secret_is_only_said_to_have_changed(side: str) -> None:
    """It makes no difference whether the secret is in the old step, the new one, or both."""
    old, new = manifest(APT, {"run": ["login hunter2-old"]}), manifest(APT, {"run": ["login hunter2-new"]})
    path = ("steps[1].run[0]",)
    told = words(old, new, path if side != "after" else (), path if side != "before" else ())
    assert told == "step 2 run: changed (holds a secret)"


def test_a_secret_does_not_appear_in_any_other_description() -> None:
    """It is hidden in a step that is added or removed, and where another step contains the same text."""
    secret = {"run": ["login hunter2-secret"]}
    assert words(manifest(APT), manifest(APT, secret), (), ("steps[1]",)) == "step 2 run (holds a secret) added"
    assert words(manifest(secret), manifest(), ("steps[0]",)) == "run (holds a secret), which was step 1, removed"
    repeated = words(manifest(secret, APT), manifest(secret, {"aptInstall": ["hunter2-secret"]}), ("steps[0]",), ("",))
    assert "hunter2" not in repeated


def test_a_long_change_is_cut() -> None:
    """The limits are ten changes, eight entries per change, and sixty characters per entry."""
    old = manifest(*({"run": [f"a{number}"]} for number in range(20)))
    new = manifest(*({"run": [f"b{number}" * 100, *map(str, range(20))]} for number in range(20)))
    told = words(old, new)
    assert told.count("step ") == 10
    assert told.endswith("; and 10 more")
    assert "and 14 more" in told
    assert len(told) < 4000


def test_text_of_a_manifest_is_cleaned_for_the_terminal() -> None:
    """It may contain what Pulumi takes for a colour tag."""
    told = content_changes(
        {"manifest": manifest({"run": ["a"]})}, {"manifest": manifest({"run": ["<{%x%}>\x1b[2J"]}), "contentHash": "x"}
    )
    assert "<{%" not in told
    assert "\x1b" not in told


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.just(UNKNOWN),
        lambda it: st.lists(it) | st.dictionaries(st.text(), it),
    )
)
def test_any_recorded_state_can_be_compared(recorded: Any) -> None:
    """States may have been written by older versions, other providers, or by hand."""
    for old, new in ((recorded, manifest(APT)), (manifest(APT), recorded), ({"steps": recorded}, manifest(APT, RUN))):
        content_changes({"manifest": old}, {"manifest": new})
