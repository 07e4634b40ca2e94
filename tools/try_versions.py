"""Run the unit tests in throw-away environments: ``lowest`` dependencies, or all ``pythons`` that are found.

``lowest`` takes the oldest release of each dependency that pyproject.toml allows, on the Python that runs this script.
``pythons`` takes the newest dependencies, on each Python of pyproject.toml's classifiers that is on PATH or that pyenv
has. Environments are made anew in ``build/`` each time; further arguments go to pytest.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "environments"
PROJECT = ROOT / "pyproject.toml"
UNIT = ("-m", "not (engine or tools or long)")
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def main() -> int:
    """Run what the command line asks for, and tell which environments failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["lowest", "pythons"])
    given, pytest_arguments = parser.parse_known_args()
    failed = []
    for name, python in lowest() if given.what == "lowest" else pythons():
        say(f"{name}: {python}")
        if not passes(name, python, pytest_arguments, lowest=given.what == "lowest"):
            failed.append(name)
    if failed:
        say(f"failed with: {', '.join(failed)}")
    return 1 if failed else 0


def lowest() -> Iterator[tuple[str, Path]]:
    """This Python alone."""
    yield "lowest", Path(sys.executable)


def pythons() -> Iterator[tuple[str, Path]]:
    """Each version of the classifiers with its interpreter; one that is not found is said."""
    versions = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT.read_text(encoding="utf-8"))
    for version in versions:
        found = next((path for path in candidates(version) if is_version(path, version)), None)
        if found:
            yield version, found
        else:
            say(f"{version}: not found, not tried")


def candidates(version: str) -> Iterator[Path]:
    """Where an interpreter of a version may be, the PATH's first."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)


def is_version(python: Path, version: str) -> bool:
    """Whether an interpreter runs and is of a version; the shims of pyenv are there for versions that don't run."""
    ran = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=False)
    return ran.stdout.strip() == version


def passes(name: str, python: Path, pytest_arguments: list[str], *, lowest: bool) -> bool:
    """Install the package and what its tests need, and run the unit tests."""
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    folder = BUILD / name
    inside = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", inside, "--editable", ".[emulator]", "--group", "test"]
    steps = [[*uv, "venv", "--quiet", "--clear", "--python", python, folder]]
    if lowest:
        # Only what users install is held low, not what tests it.
        pins = BUILD / "lowest.txt"
        resolve = ["--resolution", "lowest-direct", "--extra", "emulator"]
        steps.append([*uv, "pip", "compile", "--quiet", "--python", inside, *resolve, "--output-file", pins, PROJECT])
        install += ["--constraint", pins]
    steps += [install, [inside, "-m", "pytest", *UNIT, *pytest_arguments]]
    return all(subprocess.run(step, cwd=ROOT, check=False).returncode == 0 for step in steps)


def say(text: str) -> None:
    """Print one line at once, before what comes from the commands."""
    print(f"versions: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
