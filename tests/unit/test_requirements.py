"""Requirements of a Python project, converted to steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import parse_requirements

from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.builder import Manifest


def steps(path: Path, **more: Any) -> list[Any]:
    return list(Manifest.base().pip_install_from_requirements(path, **more).steps)


def written(root: Path, **files: str) -> Path:
    """Write files with these texts; return the path of the first."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, newline="")
    return root / next(iter(files))


PLAIN = [
    "requests\npandas>=2,<3\n",
    "\n# a comment\nrequests  # why\n   \nuvicorn[standard]==0.30.*\n",
    "requests \\\n  >=2.31\nnumpy",
    "x; python_version < '3.12'\r\ny~=1.0\r\n",
    "pip @ https://files.example/pip.whl#sha256=abc\ngit+https://git.example/a/b@main#egg=b\n",
    "# comment that ends in a backslash \\\nrequests\n",
    "requests\\\n# comment\nnumpy\n",
    "a#b\n".replace("a#b", "requests"),
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_requirements_are_one_step_and_parsed_as_by_pip(tmp_path, text):
    """Comments, continued lines, markers and URLs are understood as by pip's own parser."""
    path = written(tmp_path, **{"requirements.txt": text})
    theirs = [each.requirement for each in parse_requirements(str(path), session=PipSession())]
    ((kind, ours),) = steps(path)[0].items()
    assert kind == "pipInstall"
    assert [" ".join(each.split()) for each in ours] == [" ".join(each.split()) for each in theirs]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_understood(tmp_path, encoding):
    """Editors on Windows write it."""
    (tmp_path / "r.txt").write_bytes("requests\n# größe\n".encode(encoding))
    assert steps(tmp_path / "r.txt") == [{"pipInstall": ["requests"]}]


def test_included_files_are_read(tmp_path):
    """If all files are plain, their requirements become one step."""
    path = written(
        tmp_path, **{"req/dev.txt": "-r ../base.txt\n--requirement=more.txt\npytest\n", "base.txt": "requests\n"}
    )
    written(tmp_path, **{"req/more.txt": "numpy\nrequests\n"})
    assert steps(path) == [{"pipInstall": ["requests", "numpy", "pytest"]}]


OPTIONS = [
    "--index-url https://host.example/simple\nrequests\n",
    "--pre\nrequests\n",
    "-c constraints.txt\nrequests\n",
    "-r sub/more.txt\nrequests\n",
    "requests==2.31.0 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\n",
    "-e git+https://git.example/a/b#egg=b\n",
    "-r https://host.example/requirements.txt\n",
]


@pytest.mark.parametrize("text", OPTIONS)
def test_files_with_options_are_sent_unchanged(tmp_path, text):
    """They are sent with the files that they name, in the same relative places, and the server's pip reads them."""
    written(tmp_path, **{"constraints.txt": "requests<3\n", "sub/more.txt": "-c ../constraints.txt\n"})
    path = written(tmp_path, **{"requirements.txt": text})
    *files, run = steps(path)
    by_name = {
        Path(step["addFile"]["path"]).relative_to("/tmp").as_posix(): step["addFile"]["content"] for step in files
    }
    (main,) = (name for name in by_name if name.endswith("/requirements.txt"))
    root = main.removesuffix("requirements.txt")
    assert by_name[main] == text
    assert (f"{root}constraints.txt" in by_name) == ("-c" in text or "sub/more" in text)
    assert (f"{root}sub/more.txt" in by_name) == ("sub/more" in text)
    assert run == {"run": [f"sudo pip install -q -r /tmp/{main}"]}
    assert len(Manifest.base().pip_install_from_requirements(path).cache_key()) == 64


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("requests\n./package\n", ["line 2", "names a file of this machine", "add_local_dir"]),
        ("\n\n-e .\n", ["line 3", "names a directory of this machine"]),
        ("--find-links ./wheels\n", ["line 1", "names a directory of this machine"]),
        ("a.whl\n", ["line 1", "names a file of this machine"]),
        ("requests==\n", ["line 1", "is not a valid requirement"]),
        ("https://u:${TOKEN}@h.example/a.whl\n", ["line 1", "uses an environment variable"]),
        ("-r missing.txt\n", ["line 1", "names missing.txt", "No such file"]),
        ("-r other.txt\n", ["line 1: other.txt line 2", "is not a valid requirement"]),
        ("# nothing\n", ["has no requirements"]),
        ("\xff", ["is not UTF-8 text"]),
    ],
)
def test_lines_that_cannot_become_a_step_are_refused(tmp_path, text, words):
    """The reason names the file and the line, but does not quote it."""
    written(tmp_path, **{"other.txt": "numpy\n???\n"})
    path = tmp_path / "requirements.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInputError) as caught:
        Manifest.base().run_commands("true").pip_install_from_requirements(path)
    ((place, reason),) = caught.value.problems
    assert place == "manifest.steps[1].pipInstall"
    assert reason.startswith("requirements.txt ")
    assert all(word in reason for word in words)
    assert "TOKEN" not in reason


def test_a_missing_file_is_an_error(tmp_path):
    """The error has its name."""
    with pytest.raises(InvalidInputError, match=r"pipInstall: gone\.txt can't be read: No such file"):
        steps(tmp_path / "gone.txt")


PROJECT = """
[project]
name = "app"
dependencies = ["requests>=2.31", "numpy"]
[project.optional-dependencies]
web = ["uvicorn[standard]"]
[dependency-groups]
Test_Tools = ["pytest", {include-group = "typing"}, "numpy"]
typing = ["mypy>=1.13"]
loop = [{include-group = "loop"}]
odd = ["???"]
"""


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (None, ["requests>=2.31", "numpy"]),
        ("web", ["uvicorn[standard]"]),
        ("test-tools", ["pytest", "mypy>=1.13", "numpy"]),
    ],
)
def test_the_dependencies_of_a_project_and_its_groups_are_a_step(tmp_path, group, expected):
    """The names of groups match in any spelling, and groups may include each other."""
    path = written(tmp_path, **{"pyproject.toml": PROJECT})
    assert steps(path, group=group) == [{"pipInstall": expected}]


@pytest.mark.parametrize(
    ("group", "words"),
    [("nope", "has no group or extra 'nope'"), ("loop", "includes itself"), ("odd", "not a valid requirement")],
)
def test_an_invalid_group_is_an_error(tmp_path, group, words):
    """It may be missing, include itself, or contain an invalid requirement."""
    path = written(tmp_path, **{"pyproject.toml": PROJECT})
    with pytest.raises(InvalidInputError, match=words):
        steps(path, group=group)


def test_a_group_of_a_requirements_file_is_refused(tmp_path):
    """Such a file has no groups."""
    with pytest.raises(InvalidInputError, match="has no groups"):
        steps(written(tmp_path, **{"r.txt": "requests"}), group="dev")
