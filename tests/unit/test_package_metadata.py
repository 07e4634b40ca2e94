"""The metadata of the installed package, and the setting from which its URLs are made."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import pulumi_opencomputer
from pulumi_opencomputer.about import plugin_download_url, repository, version
from pulumi_opencomputer.plugin import schema

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
METADATA = metadata.metadata("pulumi-opencomputer")
COMMANDS = (
    ("-m", "pulumi_opencomputer.cli"),
    ("-m", "pulumi_opencomputer.emulator"),
    ("-m", "pulumi_opencomputer.plugin"),
)


def _setting(name: str) -> str:
    found = re.findall(rf'^{name} = "(.*)"$', PROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def test_the_version_is_set_once() -> None:
    """The package, the module and the plugin have the version in pyproject.toml."""
    assert pulumi_opencomputer.__version__ == version() == METADATA["Version"] == _setting("version")
    assert "__version__" in dir(pulumi_opencomputer)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_prints_the_version(command: tuple[str, ...]) -> None:
    """`--version` needs no server and no engine."""
    told = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == version()


def test_all_urls_are_made_from_one_setting() -> None:
    """If the repository moves, a single line of pyproject.toml changes."""
    address = _setting("repository")
    assert repository() == address
    urls = dict(url.split(", ", 1) for url in METADATA.get_all("Project-URL") or [])
    assert set(urls) == {"Documentation", "Repository", "Changelog", "Issues"}
    spec = schema.generate()
    given = [*urls.values(), plugin_download_url(), spec["repository"], spec["logoUrl"], spec["pluginDownloadURL"]]
    assert [url for url in given if not url.startswith(address)] == []
    assert f"https://{spec['language']['go']['modulePath']}" == f"{address}/sdk/go"


def test_the_description_has_no_broken_links() -> None:
    """The package index shows the README without the files around it, so its links must be complete URLs."""
    text = str(METADATA.json["description"])
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 10
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert f"{repository()}/blob/v{version()}/docs/" in text


def test_the_package_names_its_authors_and_is_typed() -> None:
    """The metadata has author and licence, and the package can be used by type checkers."""
    assert (METADATA["Author"], METADATA["License-Expression"]) == ("The pulumi-opencomputer authors", "Apache-2.0")
    assert "Typing :: Typed" in (METADATA.get_all("Classifier") or [])
    assert (Path(pulumi_opencomputer.__file__).parent / "py.typed").is_file()
    assert METADATA.get_all("Provides-Extra") == ["emulator"]


def test_a_package_without_a_repository_has_no_plugin_download_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that was built elsewhere without the setting must not lead to another project's downloads."""
    monkeypatch.setattr("pulumi_opencomputer.about.repository", lambda: "")
    assert plugin_download_url() == ""
