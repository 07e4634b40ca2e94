"""What a release publishes, for tests that have nothing else of the project."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from sdks import run

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "tests" / "programs"
#: Where Maven keeps what it downloads, apart from the user's own.
MAVEN_REPOSITORY = ROOT / "build" / "maven"


@dataclass(frozen=True)
class Artifacts:
    """The folder that they were made in; each is made when it is first asked for.

    Attributes:
        folder: The folder. One that OPENCOMPUTER_ARTIFACTS names is taken as it is: so a release tries what it
            publishes.
    """

    folder: Path

    def plugin(self) -> Path:
        """The plugin's archive for this machine."""
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        return self._made(f"pulumi-resource-opencomputer-v*-{sys.platform}-{machine}.tar.gz", "plugin")

    def wheel(self) -> Path:
        """The Python package."""
        return self._made("pulumi_opencomputer-*.whl", "package")

    def source(self) -> Path:
        """The Python package's source distribution."""
        return self._made("pulumi_opencomputer-*.tar.gz", "package")

    def nodejs(self) -> Path:
        """The npm package."""
        return self._made("pulumi-opencomputer-*.tgz", "sdks", "nodejs")

    def go(self) -> Path:
        """The Go module's folder."""
        return self._made("sdk-go", "sdks", "go")

    def java(self) -> Path:
        """The Maven repository."""
        return self._made("maven", "sdks", "java")

    def _made(self, pattern: str, *what: str) -> Path:
        found = [*self.folder.glob(pattern)]
        if not found:
            assert "OPENCOMPUTER_ARTIFACTS" not in os.environ, f"{self.folder} has no {pattern}"
            run(sys.executable, "-m", "tools.release", "--out", self.folder, *what, cwd=ROOT)
            return self._made(pattern, *what)
        return found[0]
