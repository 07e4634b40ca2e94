"""The SDKs for other languages than Python: generated from the schema, compiled, and packed for publishing.

Those for Node.js, Python and Go come from the engine's own generators (tools/codegen), the one for Java from its
language host. The Python SDK is only generated for tests: Python programs use the package itself. There is none for
.NET, because nobody has tested it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from .project import BUILD, ROOT, SCHEMA, Project, ReleaseError, run, say

_ENGINE = ROOT / "tools" / "pulumi" / "engine"
_POM = Path(__file__).with_name("java") / "pom.xml"
#: The flags with which the engine was compiled. With the same flags, Go reuses the packages it shares with the
#: generators.
GO_FLAGS = ("-trimpath", "-buildvcs=false")
#: Maven's download folder, separate from the user's.
MAVEN_REPOSITORY = ROOT / "build" / "maven"


def generate(project: Project, folder: Path) -> str:
    """Write the sources of the SDKs to ``nodejs``, ``python`` and ``go`` in a folder.

    Returns:
        The findings of the schema check, one per line.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generator = folder / "codegen"
    run(_tool("go"), "build", *GO_FLAGS, "-o", generator, ROOT / "tools/codegen/main.go", cwd=_ENGINE, GOWORK="off")
    findings = run(generator, SCHEMA, project.version, folder)
    generator.unlink()
    return findings


def generate_java(project: Project, folder: Path) -> None:
    """Write the sources of the Java SDK to ``java`` in a folder."""
    beside = str(_tool("pulumi-language-java").parent) + os.pathsep + os.environ["PATH"]
    command = ("package", "gen-sdk", SCHEMA, "--language", "java", "--version", project.version, "--out", folder)
    run(_tool("pulumi"), *command, PATH=beside, PULUMI_SKIP_UPDATE_CHECK="1")


def pack(project: Project, languages: list[str], folder: Path) -> list[Path]:
    """Build the package of each language as it is published."""
    sources = BUILD / "sdks"
    if set(languages) - {"java"}:
        generate(project, sources)
    if "java" in languages:
        generate_java(project, sources)
    return [_PACKERS[language](project, sources / language, folder) for language in languages]


def _pack_nodejs(_project: Project, source: Path, folder: Path) -> Path:
    """Build a tarball of compiled JavaScript and its types; the generated SDK compiles itself on installation."""
    say("compiling the Node.js SDK")
    npm = _tool("npm")
    run(npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", cwd=source)
    run(npm, "run", "build", cwd=source)
    manifest = json.loads((source / "package.json").read_text())
    del manifest["scripts"]
    compilers = {name: manifest["dependencies"].pop(name) for name in ("@types/node", "typescript")}
    manifest |= {"devDependencies": compilers, "types": "bin/index.d.ts", "files": ["bin"]}
    for place in (source, source / "bin"):  # when compiled, the SDK looks for its version in its own folder
        (place / "package.json").write_text(json.dumps(manifest, indent=2) + "\n")
    shutil.copyfile(ROOT / "LICENSE", source / "LICENSE")
    (packed,) = json.loads(run(npm, "pack", "--json", "--pack-destination", folder, cwd=source))
    return folder / str(packed["filename"])


def _pack_go(_project: Project, source: Path, folder: Path) -> Path:
    """Build the module as a folder, as it is committed under the tag of its version."""
    say("compiling the Go SDK")
    go = _tool("go")
    run(go, "mod", "tidy", cwd=source, GOWORK="off")
    run(go, "build", "./...", cwd=source, GOWORK="off")
    shutil.copyfile(ROOT / "LICENSE", source / "LICENSE")
    return _moved(source, folder / "sdk-go")


def _pack_java(project: Project, source: Path, folder: Path) -> Path:
    """Build a Maven repository with the jar, its sources and its documentation, and put the sources next to it."""
    say("compiling the Java SDK")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    words = {
        "@GROUP@": project.java_group,
        "@VERSION@": project.version,
        "@DESCRIPTION@": schema["description"],
        "@REPOSITORY@": project.repository,
        "@PUBLISHER@": schema["publisher"],
        "@PULUMI@": schema["language"]["java"]["dependencies"]["com.pulumi:pulumi"],
    }
    pom = _POM.read_text(encoding="utf-8")
    for word, value in words.items():
        pom = pom.replace(word, value)
    (source / "pom.xml").write_text(pom, encoding="utf-8")
    _moved(source, folder / "sdk-java")
    published = folder / "maven"
    shutil.rmtree(published, ignore_errors=True)
    maven = (_tool("mvn"), "--batch-mode", "--quiet", f"-Dmaven.repo.local={MAVEN_REPOSITORY}")
    run(*maven, "deploy", f"-DaltDeploymentRepository=built::{published.as_uri()}", cwd=source)
    return published


_PACKERS: dict[str, Callable[[Project, Path, Path], Path]] = {
    "nodejs": _pack_nodejs,
    "go": _pack_go,
    "java": _pack_java,
}
LANGUAGES = tuple(_PACKERS)


def _moved(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target


def _tool(name: str) -> Path:
    """Return the path of a tool that the project does not install itself.

    Raises:
        ReleaseError: The tool is missing.
    """
    found = shutil.which(name, path=os.pathsep.join([str(ROOT / ".tools" / "bin"), os.environ["PATH"]]))
    if found is None:
        raise ReleaseError(f"{name} is needed, and is neither in .tools/bin nor on PATH.")
    return Path(found)
