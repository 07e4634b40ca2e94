"""The parts of a release: its settings, its notes, the plugin's launcher, and the workflow that publishes."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.release import check, plugin_archives, project, registry
from tools.release.notes import notes
from tools.release.project import ReleaseError

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
SETTINGS = project.read()
READY = replace(SETTINGS, version="0.1.3", repository="https://github.com/example/pulumi-opencomputer")
PUBLISHERS = ("github", "pypi", "npm", "maven", "go", "container", "docs")


def jobs() -> dict[str, str]:
    """The text of each job of the workflow."""
    parts = re.split(r"^  ([a-z]+):\n", WORKFLOW.partition("\njobs:\n")[2], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repository": "https://github.invalid/OWNER/pulumi-opencomputer"}, "placeholder"),
        ({"repository": "https://git.example.com/example/pulumi-opencomputer"}, "https://github.com/OWNER/NAME"),
        ({"version": "0.1.3.post1"}, "0.1.3.post1"),
        ({"version": "9.0.0"}, "provider/requirements.txt"),
    ],
)
def test_a_setting_that_is_not_ready_is_reported(change: dict[str, Any], told: str) -> None:
    """A placeholder, a repository that is not on GitHub, or an ambiguous version stops the release."""
    (problem,) = check._settings(replace(READY, **change))
    assert told in problem


def test_complete_settings_have_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the tag of that same version."""
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v0.1.3")
    assert list(check._settings(READY)) == []


def test_a_tag_of_another_version_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tag that started the workflow must be that of the version that is built."""
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v0.1.4")
    (problem,) = check._settings(READY)
    assert "v0.1.4" in problem


def test_the_placeholder_is_an_address_that_nobody_can_own() -> None:
    """It is used until the repository's address is set."""
    assert SETTINGS.is_repository_set or SETTINGS.repository.startswith("https://github.invalid/")


def test_notes_are_the_section_of_the_version(tmp_path: Path) -> None:
    """They reach from its heading to the next one."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## 0.1.3 (2026-11-30)\n\n- One.\n- Two.\n\n## 0.1.2 (2026-10-01)\n\n- Old.\n")
    assert notes(READY, changelog) == "- One.\n- Two.\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("## 0.1.2 (2026-10-01)\n\n- Old.\n", "no section"),
        ("## 0.1.3 (unreleased)\n\n- One.\n", "in place of a date"),
        ("## 0.1.3 (2026-11-30)\n\n## 0.1.2 (2026-10-01)\n\n- Old.\n", "says nothing"),
    ],
)
def test_missing_notes_are_an_error(tmp_path: Path, text: str, told: str) -> None:
    """A version without a text or without a date is not released."""
    (tmp_path / "CHANGELOG.md").write_text(text)
    with pytest.raises(ReleaseError, match=told):
        notes(READY, tmp_path / "CHANGELOG.md")


def test_the_pages_for_the_registry_have_the_names_that_are_set(tmp_path: Path) -> None:
    """No placeholder is left, and each language has a tab."""
    folder = registry.write(READY, tmp_path)
    for page in registry.PAGES:
        text = (folder / page).read_text()
        assert "invalid" not in text
        assert "OWNER" not in text
        tabs = re.search(r'chooser language "(.*)"', text)
        assert tabs is not None
        assert re.findall(r"choosable language (\w+)", text) == tabs[1].split(",")
        assert re.match(r"---\ntitle: .+\nmeta_desc: .+\nlayout: package\n---\n", text)
    assert "resource opencomputer 0.1.3 " in text


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A launcher packed and unpacked as Pulumi would, with a plugin that prints how it was started."""
    content = tmp_path / "content"
    package = content / "lib" / "pulumi_opencomputer" / "plugin"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("import sys\n\ndef main():\n    print(sys.flags.isolated, *sys.argv[1:])\n")
    plugin_archives._write_launcher(SETTINGS, "linux-amd64", content)
    archive = tmp_path / "plugin.tar.gz"
    plugin_archives._pack(content, archive)
    with tarfile.open(archive) as tar:
        # Python 3.12 and 3.13 warn if there is none.
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        tar.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


def _start(folder: Path, *arguments: str, path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [folder / "pulumi-resource-opencomputer", *arguments]
    return subprocess.run(command, env={"PATH": path, **environment}, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
@pytest.mark.parametrize("named", ["python3", f"python3.{sys.version_info[1]}", "python"])
def test_the_plugin_starts_with_a_python_on_path(unpacked: Path, tmp_path: Path, named: str) -> None:
    """Any usual name of Python works; its packages and the environment's settings are not used."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / named).symlink_to(Path(sys.executable).resolve())
    started = _start(unpacked, "127.0.0.1:1", path=str(tmp_path / "bin"), PYTHONPATH="/nowhere")
    assert (started.returncode, started.stdout) == (0, "1 127.0.0.1:1\n"), started.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
def test_the_plugin_says_which_python_it_needs_if_there_is_none(unpacked: Path, tmp_path: Path) -> None:
    """An old Python is skipped; if there is no other one, the message has the supported versions."""
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    started = _start(unpacked, path=str(tmp_path / "bin"))
    assert started.returncode == 1
    assert f"needs Python {SETTINGS.pythons[0]} to {SETTINGS.pythons[-1]}" in started.stderr


def test_an_archive_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    """It contains no times and no owners."""
    content = tmp_path / "content"
    content.mkdir()
    plugin_archives._write_launcher(SETTINGS, "linux-amd64", content)
    packed = []
    for number in range(2):
        (content / "start.py").touch()
        plugin_archives._pack(content, tmp_path / f"{number}.tar.gz")
        packed.append((tmp_path / f"{number}.tar.gz").read_bytes())
    assert packed[0] == packed[1]


def test_packages_of_two_pythons_share_a_folder_only_if_they_are_equal(tmp_path: Path) -> None:
    """If a file differs between versions, this is an error, and no archive is made."""
    for version, text in (("3.10", "a = 1\n"), ("3.11", "a = 2\n")):
        (tmp_path / version / "package").mkdir(parents=True)
        (tmp_path / version / "package" / "module.py").write_text(text)
    plugin_archives._join(tmp_path / "3.10", tmp_path / "lib")
    with pytest.raises(ReleaseError, match=r"package.module\.py"):
        plugin_archives._join(tmp_path / "3.11", tmp_path / "lib")


@pytest.mark.parametrize("name", PUBLISHERS)
def test_nothing_is_published_before_the_tests(name: str) -> None:
    """Each job that publishes waits for the tests, and runs only for a tag."""
    needed = {job: re.findall(r"^    needs: (\w+)$", text, re.MULTILINE) for job, text in jobs().items()}
    chain = [name]
    while needed[chain[-1]]:
        chain += needed[chain[-1]]
    assert chain[-3:] == ["provenance", "test", "build"]
    assert "if: github.event_name == 'push' && github.ref_type == 'tag'" in jobs()["provenance"]
    assert "make release-check" in jobs()["build"]


@pytest.mark.parametrize("name", jobs())
def test_a_job_has_only_the_permissions_that_it_requests(name: str) -> None:
    """The default is none, and only jobs that publish in an environment may write."""
    assert "\npermissions: {}\n" in WORKFLOW
    text = jobs()[name]
    assert re.search(r"^    permissions:", text, re.MULTILINE)
    if re.search(r": write$", text, re.MULTILINE) and name != "provenance":
        assert re.search(r"^    environment:", text, re.MULTILINE)


def test_each_action_of_the_release_is_pinned_to_a_commit() -> None:
    """A tag could be moved to other code; the commit's tag is in a comment, for those who update it."""
    used = [line for line in WORKFLOW.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
