"""The container file, tested as far as possible without a container builder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from emulator_process import DEADLINE

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Containerfile"

pytestmark = pytest.mark.tools


def run(*command: str | Path) -> str:
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def hadolint() -> str:
    """The linter of container files from the development tools."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("hadolint", path=beside + os.pathsep + os.environ["PATH"])
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs hadolint")
        pytest.skip("hadolint is not installed; make setup installs it")
    return found


def test_the_linter_finds_nothing(hadolint):
    """There is no warning and no hint."""
    assert run(hadolint, "--no-color", FILE) == ""


def test_copied_files_exist_and_are_sent_to_the_builder():
    """The builder only gets the files that Containerfile.dockerignore includes."""
    kept = {line[1:] for line in FILE.with_suffix(".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", FILE.read_text(), re.M)
    names = {name.removeprefix("./") for line in copied for name in line.split()}
    assert names == kept
    assert all((ROOT / name).exists() for name in names)


def test_the_installed_packages_suffice_for_the_emulator(tmp_path):
    """The file's own commands run in a virtual environment, and its entry point starts a working emulator."""
    text = FILE.read_text()
    requirements = re.search(r"pip install --no-cache-dir ((?:\"[^\"]+\" ?)+)", text)
    entry = re.search(r"^ENTRYPOINT \[(.+)\]$", text, re.M)
    assert requirements
    assert entry
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    binaries = tmp_path / "venv" / "bin"
    (wheel,) = tmp_path.glob("*.whl")
    run(binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    run(binaries / "python", "-m", "pip", "install", "--quiet", *re.findall(r'"([^"]+)"', requirements[1]))
    program, *arguments = re.findall(r'"([^"]+)"', entry[1])
    arguments[arguments.index("--port") + 1] = "0"
    with subprocess.Popen(
        [binaries / program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            port = line.partition('"url": "http://0.0.0.0:')[2].partition('"')[0]
            named = {"Host": "opencomputer:8700"}
            answer = httpx.get(f"http://127.0.0.1:{port}/health", headers=named, trust_env=False, verify=False)
            assert answer.json()["status"] == "ok"
            for part in ("", "_emulator/page/page.js", "_emulator/page/style.css"):
                address = f"http://127.0.0.1:{port}/{part}"
                page = httpx.get(address, headers={"Accept": "text/html"}, trust_env=False, verify=False)
                assert page.status_code == 200, part
        finally:
            process.terminate()
        assert process.wait(DEADLINE) == 0
