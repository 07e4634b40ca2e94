"""Deploy in each language from an empty folder, with nothing but what a release publishes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from adapters import PLUGIN
from artifacts import MAVEN_REPOSITORY, PROGRAMS, ROOT, Artifacts
from emulator_process import Emulator
from project import Project
from pulumi_opencomputer import Manifest, __version__
from pulumi_opencomputer.plugin.schema_names import JAVA_GROUP
from sdks import examples, run
from snippets import snippets
from tools.release.registry import JAVA_PLACEHOLDER

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]

# The files in the project's folder that the programs embed. Every language declares the same three steps.
FILES = {"hello.txt": "hello\n", "noise.log": "ignored\n"}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """The artifacts of a release."""
    given = os.environ.get("OPENCOMPUTER_ARTIFACTS")
    return Artifacts(Path(given) if given else tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def home(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder for Pulumi with the plugin installed from its archive."""
    home = tmp_path_factory.mktemp("home")
    engine = shutil.which("pulumi", path=str(ROOT / ".tools" / "bin") + os.pathsep + os.environ["PATH"])
    assert engine is not None
    version = re.search(r"-v(\d+\.\d+\.\d+)-", artifacts.plugin().name)
    assert version is not None
    install = ("plugin", "install", "resource", "opencomputer", version[1], "--file", artifacts.plugin())
    run(engine, *install, cwd=home, PULUMI_HOME=str(home), PULUMI_SKIP_UPDATE_CHECK="1")
    return home


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, home: Path, tools: str) -> Project:
    """A project in a folder with some files and no program, with no plugin on PATH."""
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    bare = os.pathsep.join(part for part in tools.split(os.pathsep) if part != str(Path(sys.executable).parent))
    project = Project(tmp_path / "pulumi", settings, bare, home, PLUGIN)
    path = project.environment["PATH"].split(os.pathsep)
    ambient = [part for part in path if (Path(part) / "pulumi-resource-opencomputer").exists()]
    project.environment["PATH"] = os.pathsep.join(part for part in path if part not in ambient)
    (project.folder / "app").mkdir()
    for name, content in FILES.items():
        (project.folder / "app" / name).write_text(content)
    return project


def _check(told: dict[str, str], language: str, project: Project, emulator: Emulator) -> None:
    """Fail unless the hash is the same as in every language, and the server has what was declared."""
    app = project.folder / "app"
    manifest = Manifest.base().apt_install(["jq"]).add_local_dir(str(app), "/app", ignore=["*.log"])
    assert told["contentHash"] == told["hashed"] == manifest.env({"GREETING": "hello"}).cache_key()
    assert (told["name"], told["status"]) == (f"of-{language}", "ready")
    assert [record["name"] for record in emulator.snapshots()] == [f"of-{language}"]


def _run(project: Project, *command: str | Path) -> str:
    """Run a command in the project's folder and environment; return its standard output."""
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.usefixtures("yaml_host")
def test_yaml_deploys_with_the_archive_of_the_plugin(project: Project, emulator: Emulator) -> None:
    """No SDK is needed: Pulumi finds the plugin installed from its archive, and prints no warning."""
    project.yaml("""
    variables:
      manifest:
        steps:
          - aptInstall: [jq]
          - addDir: {path: /app, source: ./app, ignore: ["*.log"]}
          - env: {GREETING: hello}
      hashed: {"fn::invoke": {function: "opencomputer:hashManifest", arguments: {manifest: "${manifest}"}}}
    resources:
      image: {type: "opencomputer:Image", properties: {manifest: "${manifest}"}}
      daily: {type: "opencomputer:Snapshot", properties: {name: of-yaml, manifest: "${manifest}"}}
    outputs:
      name: ${daily.name}
      contentHash: ${image.contentHash}
      hashed: ${hashed.contentHash}
      status: ${daily.status}
    """)
    ran = project.up()
    assert "from $PATH" not in ran.text
    _check(project.outputs(), "yaml", project, emulator)
    project.destroy()
    assert emulator.snapshots() == []


@pytest.mark.usefixtures("yaml_host")
def test_two_versions_of_the_plugin_serve_one_stack(
    project: Project, emulator: Emulator, artifacts: Artifacts, tmp_path: Path
) -> None:
    """Each resource uses the version that it asks for, and switches to the other one without changes."""
    newer = _newer(artifacts.plugin(), tmp_path)
    project.pulumi("plugin", "install", "resource", "opencomputer", "9.9.9", "--file", str(newer))
    program = """
    resources:
      one:
        type: opencomputer:Snapshot
        properties: {name: one, manifest: {steps: [{run: [make one]}]}}
        options: {version: VERSION}
      two:
        type: opencomputer:Snapshot
        properties: {name: two, manifest: {steps: [{run: [make two]}]}}
        options: {version: 9.9.9}
    """
    project.yaml(program.replace("VERSION", __version__))
    project.up()
    providers = [project.resource(name)["provider"].split("::")[-2] for name in ("one", "two")]
    assert providers == [f"default_{version.replace('.', '_')}" for version in (__version__, "9.9.9")]
    project.yaml(program.replace("VERSION", "9.9.9"))
    emulator.forget_requests()
    assert project.up().steps()["one"] in ("same", "update")
    assert [entry for entry in emulator.requests() if entry["method"] != "GET"] == []
    project.destroy()
    assert emulator.snapshots() == []


def _newer(archive: Path, folder: Path) -> Path:
    """Return an archive of the same plugin as version 9.9.9."""
    content = folder / "newer"
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        tar.extractall(content)
    (old,) = (content / "lib").glob("pulumi_opencomputer-*.dist-info")
    new = old.rename(old.with_name("pulumi_opencomputer-9.9.9.dist-info"))
    told = (new / "METADATA").read_text()
    (new / "METADATA").write_text(re.sub("^Version: .*", "Version: 9.9.9", told, flags=re.MULTILINE))
    packed = folder / "newer.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(content, arcname=".")
    return packed


def test_nodejs_deploys_with_the_package_for_npm(
    project: Project, emulator: Emulator, artifacts: Artifacts, npm: str
) -> None:
    """The package installs without a compiler, and its SDK finds the plugin of the same version."""
    shutil.copytree(PROGRAMS / "nodejs", project.folder, dirs_exist_ok=True)
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier")
    _run(project, npm, "install", *quiet, artifacts.nodejs())
    assert not (project.folder / "node_modules" / "typescript").exists()
    _check(json.loads(_run(project, "node", "main.mjs", "up")), "nodejs", project, emulator)
    _run(project, "node", "main.mjs", "destroy")
    assert emulator.snapshots() == []


def test_go_deploys_with_the_module(project: Project, emulator: Emulator, artifacts: Artifacts, go: str) -> None:
    """A module that requires the SDK compiles, and its program finds the plugin of the SDK's version.

    The Go programs of the schema's descriptions compile too.
    """
    module = re.search(r"^module (\S+)$", (artifacts.go() / "go.mod").read_text(), re.MULTILINE)
    assert module is not None
    program = (PROGRAMS / "go" / "main.go").read_text().replace("MODULE/", f"{module[1]}/")
    (project.folder / "main.go").write_text(program)
    for number, example in enumerate(examples("go")):
        (project.folder / f"example{number}").mkdir()
        (project.folder / f"example{number}" / "main.go").write_text(example)
    for command in (
        ("init", "program"),
        ("edit", f"-replace={module[1]}={artifacts.go()}"),
        ("tidy",),
    ):
        _run(project, go, "mod", *command)
    _run(project, go, "vet", "./...")
    _run(project, go, "build", "-o", "program", ".")
    _check(json.loads(_run(project, "./program", "up")), "go", project, emulator)
    _run(project, "./program", "destroy")
    assert emulator.snapshots() == []


def test_java_deploys_with_the_jar(
    project: Project, emulator: Emulator, artifacts: Artifacts, java_host: str, mvn: str
) -> None:
    """Maven resolves the SDK from the published repository, and Pulumi's Java host runs the program.

    The Java programs of the schema's descriptions and of the pages are compiled with the SDK.
    """
    (pom,) = artifacts.java().rglob("*.pom")
    version, group = pom.parent.name, ".".join(pom.relative_to(artifacts.java()).parts[:-3])
    words = {"@REPOSITORY@": artifacts.java().as_uri(), "@GROUP@": group, "@VERSION@": version}
    shutil.copytree(PROGRAMS / "java", project.folder, dirs_exist_ok=True)
    for file in (path for path in project.folder.rglob("*") if path.suffix in (".java", ".xml")):
        text = file.read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        file.write_text(text)
    # Otherwise Maven would use the version that it resolved in an earlier run.
    shutil.rmtree(MAVEN_REPOSITORY.joinpath(*group.split(".")), ignore_errors=True)
    _add_examples(project.folder / "src" / "main" / "java")
    (project.folder / ".mvn").mkdir()
    (project.folder / ".mvn" / "maven.config").write_text(f"-Dmaven.repo.local={MAVEN_REPOSITORY}\n")
    project.up()
    _check(project.outputs(), "java", project, emulator)
    project.destroy()
    assert emulator.snapshots() == []


def _add_examples(sources: Path) -> None:
    pages = [
        snippet.text.replace(JAVA_PLACEHOLDER, JAVA_GROUP)
        for snippet in snippets("java")
        if "public class App" in snippet.text
    ]
    assert pages
    for number, example in enumerate([*examples("java"), *pages]):
        (sources / f"Example{number}.java").write_text(example.replace("class App", f"class Example{number}"))
