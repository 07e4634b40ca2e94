"""What the installed package says of itself, and the one setting that its addresses are made of."""

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
    """The package, the module and the plugin tell the version of pyproject.toml."""
    assert pulumi_opencomputer.__version__ == version() == METADATA["Version"] == _setting("version")
    assert "__version__" in dir(pulumi_opencomputer)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_tells_the_version(command: tuple[str, ...]) -> None:
    """`--version` prints it, and needs no server and no engine."""
    told = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == version()


def test_all_addresses_are_made_of_one_setting() -> None:
    """Where the repository moves, one line of pyproject.toml changes."""
    address = _setting("repository")
    assert repository() == address
    urls = dict(url.split(", ", 1) for url in METADATA.get_all("Project-URL") or [])
    assert set(urls) == {"Documentation", "Repository", "Changelog", "Issues"}
    spec = schema.generate()
    given = [*urls.values(), plugin_download_url(), spec["repository"], spec["logoUrl"], spec["pluginDownloadURL"]]
    assert [url for url in given if not url.startswith(address)] == []
    assert f"https://{spec['language']['go']['modulePath']}" == f"{address}/sdk/go"


def test_the_description_has_no_link_that_leads_nowhere() -> None:
    """The index shows the README without the files around it, so that its links are whole addresses."""
    text = str(METADATA.json["description"])
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 10
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert f"{repository()}/blob/v{version()}/docs/" in text


def test_the_package_names_its_authors_and_is_typed() -> None:
    """Who made it, under which licence, and that type checkers may read it."""
    assert (METADATA["Author"], METADATA["License-Expression"]) == ("The pulumi-opencomputer authors", "Apache-2.0")
    assert "Typing :: Typed" in (METADATA.get_all("Classifier") or [])
    assert (Path(pulumi_opencomputer.__file__).parent / "py.typed").is_file()
    assert METADATA.get_all("Provides-Extra") == ["emulator"]


def test_what_has_no_repository_names_no_place_for_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that was built elsewhere without the setting leads to nobody's downloads."""
    monkeypatch.setattr("pulumi_opencomputer.about.repository", lambda: "")
    assert plugin_download_url() == ""
