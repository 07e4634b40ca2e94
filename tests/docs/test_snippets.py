"""Every block of code on a page people read is run, compiled, parsed or linted."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator_client import create
from pulumi_opencomputer import Manifest
from pulumi_opencomputer.plugin import schema
from snippets import ROOT, Snippet, scripts, snippets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What a reader's folder holds where a program of the pages reads from it.
FILES = {
    "Dockerfile": "FROM ubuntu:22.04\nARG PANDAS=2.2.3\nRUN pip install pandas==$PANDAS\nCOPY app /workspace/app\n",
    "requirements.txt": "requests>=2\n",
    "pyproject.toml": '[project]\nname = "p"\n[dependency-groups]\ndev = ["pytest>=8"]\n',
    ".gitignore": "*.log\n",
    "app/main.py": "print(1)\n",
    "images.py": (ROOT / "examples" / "testing-with-mocks" / "images.py").read_text("utf-8"),
}
CHECKED = {"sh", "python", "yaml", "typescript", "go", "csharp", "java", "json", "toml", "dockerfile"}
# What nobody can check here: output, and PowerShell.
SHOWN = {"text", "powershell"}
DIRECTIVES = {"{eval-rst}", "{toctree}"}
SCHEMA = schema.generate()


def ids(value: object) -> str:
    return str(value)


def test_every_block_names_its_language():
    """A block without one, or in one that no test knows, would go untested."""
    unknown = [str(each) for each in snippets() if each.language not in CHECKED | SHOWN | DIRECTIVES]
    assert unknown == []


@pytest.mark.parametrize("script", scripts(), ids=ids)
def test_a_python_program_compiles(script):
    """As a reader would save it."""
    compile(script.text, str(script), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_python_programs_run_under_mocks(emulator, tmp_path):
    """All but those that a comment excepts, in a folder with what they read, beside an emulator with a snapshot."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    create(emulator, "toolchain", {"base": "base", "steps": []})
    programs = {str(script): script.text for script in scripts() if not script.comment.startswith("not run:")}
    assert len(programs) > 20
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    ran = subprocess.run(
        [sys.executable, str(ROOT / "testing" / "run_scripts.py")],
        input=json.dumps(programs),
        cwd=tmp_path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    failed = json.loads(ran.stdout.splitlines()[-1])
    assert failed == {}, "\n".join(failed.values())


@pytest.mark.tools
def test_the_python_programs_have_right_types(tmp_path):
    """Every name in them exists, and is used as it is meant to be."""
    names = {}
    (tmp_path / "images.py").write_text(FILES["images.py"])
    for number, script in enumerate(each for each in scripts() if not each.comment.startswith("not typed:")):
        file = tmp_path / f"snippet_{number}.py"
        file.write_text(script.text)
        names[file.name] = str(script)
    settings = (
        "check_untyped_defs = true\nno_error_summary = true\n[mypy-opencomputer]\nignore_missing_imports = true\n"
    )
    (tmp_path / "mypy.ini").write_text(f"[mypy]\ncache_dir = {ROOT / '.mypy_cache'}\n{settings}")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *sorted(names)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = re.sub(r"snippet_\d+\.py", lambda name: names[name[0]], ran.stdout)
    assert ran.returncode == 0, told + ran.stderr


@pytest.mark.parametrize("snippet", snippets("sh"), ids=ids)
def test_a_shell_block_is_one_that_bash_can_read(snippet):
    """And each of its commands of this project exists."""
    ran = subprocess.run(["bash", "-n"], input=snippet.text, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [word for word in re.findall(r"^\s*make ([a-z-]+)", snippet.text, re.MULTILINE) if word not in targets] == []


@pytest.mark.parametrize(
    "line",
    sorted(
        {line for each in snippets("sh") for line in each.text.splitlines() if line.startswith("pulumi-opencomputer ")}
    ),
    ids=ids,
)
def test_a_command_line_of_the_emulator_has_options_that_there_are(line):
    """`--help` behind it is answered before anything starts, and a wrong option before that."""
    words = shlex.split(line.partition("#")[0].rpartition("|")[0] or line.partition("#")[0].partition(">")[0])
    command = [word for word in words[1:2] if not word.startswith("-")]
    said = subprocess.run(
        [sys.executable, "-m", "pulumi_opencomputer.cli", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    options = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--"]
    assert [option for option in options if option not in said] == []


@pytest.mark.parametrize("snippet", snippets("yaml"), ids=ids)
def test_a_yaml_block_is_what_its_reader_takes_it_for(snippet):
    """A program of Pulumi's YAML fits the schema, a manifest is one that can be built."""
    for document in yaml.safe_load_all(snippet.text):
        assert document is not None
        if isinstance(document, dict) and "resources" in document:
            check_program(document)
        if isinstance(document, dict) and "steps" in document and "runtime" not in document:
            Manifest.from_dict(document)


def check_program(program: dict[str, Any]) -> None:
    """Hold each resource of a YAML program against the schema."""
    for name, declared in program["resources"].items():
        kind = declared["type"]
        if kind == "pulumi:providers:opencomputer":
            known = SCHEMA["provider"]["inputProperties"]
        else:
            known = SCHEMA["resources"][kind.replace("opencomputer:", "opencomputer:index:", 1)]["inputProperties"]
        given = declared.get("properties", {})
        assert set(given) <= set(known), name
        if isinstance(given.get("manifest"), dict):
            check_type(given["manifest"], {"$ref": "#/types/opencomputer:index:Manifest"}, name)


def check_type(value: Any, spec: dict[str, Any], where: str) -> None:
    """Hold a value against a type of the schema; references to other resources pass."""
    if "oneOf" in spec or (isinstance(value, str) and value.startswith("${")):
        return
    if "$ref" in spec:
        known = SCHEMA["types"][spec["$ref"].rpartition("/")[2]]
        assert set(value) <= set(known["properties"]), where
        for key, below in value.items():
            check_type(below, known["properties"][key], f"{where}.{key}")
    elif spec["type"] == "array":
        assert isinstance(value, list), where
        for index, below in enumerate(value):
            check_type(below, spec["items"], f"{where}[{index}]")
    elif spec["type"] == "object":
        assert isinstance(value, dict), where
    else:
        assert isinstance(value, {"string": str, "integer": int, "boolean": bool}[spec["type"]]), where


def test_the_check_of_yaml_programs_finds_a_mistake():
    """A key that there is not, at any depth."""
    for steps in ([{"aptInstal": ["jq"]}], [{"addDir": {"path": "/a", "sauce": "."}}], [{"aptInstall": "jq"}]):
        program = {"resources": {"a": {"type": "opencomputer:Snapshot", "properties": {"manifest": {"steps": steps}}}}}
        with pytest.raises(AssertionError):
            check_program(program)


@pytest.mark.tools
@pytest.mark.parametrize("snippet", [each for each in snippets("yaml") if "GitHub Actions" in each.text], ids=ids)
def test_a_step_of_a_github_job_is_one_that_github_knows(snippet, tmp_path):
    """As actionlint reads it."""
    found = shutil.which("actionlint", path=str(ROOT / ".tools" / "bin")) or shutil.which("actionlint")
    if found is None:
        pytest.skip("actionlint is neither in .tools/bin nor on PATH; make setup installs it")
    steps = "".join(f"      {line}\n" for line in snippet.text.splitlines() if not line.startswith("#"))
    job = f"on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{steps}"
    ran = subprocess.run(
        [found, "-no-color", "-shellcheck=", "-"], input=job, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


@pytest.mark.tools
@pytest.mark.parametrize("snippet", [each for each in snippets("yaml") if "gitlab-ci" in each.text], ids=ids)
def test_a_job_for_gitlab_fits_gitlabs_schema(snippet, tmp_path):
    """GitLab's own schema of its file."""
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(snippet.text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_blocks_of_data_can_be_read():
    """As JSON or TOML."""
    for snippet in snippets("json", "toml"):
        {"json": json.loads, "toml": tomllib.loads}[snippet.language](snippet.text)


@pytest.mark.parametrize("snippet", snippets("dockerfile"), ids=ids)
def test_a_dockerfile_becomes_steps(snippet: Snippet, tmp_path: Path):
    """With the files that it copies."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print(1)\n")
    (tmp_path / "Dockerfile").write_text(snippet.text)
    assert Manifest.from_dockerfile(tmp_path / "Dockerfile").cache_key()
