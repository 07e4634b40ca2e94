"""The artifacts of a release, for tests that use nothing else of the project."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from sdks import run

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "tests" / "programs"
#: Maven's download folder for tests, separate from the user's.
MAVEN_REPOSITORY = ROOT / "build" / "maven"


@dataclass(frozen=True)
class Artifacts:
    """A folder of artifacts. Each is built on first use.

    Attributes:
        folder: The folder. If OPENCOMPUTER_ARTIFACTS names one, its files are used as they are, so that a release
            tests exactly what it publishes.
    """

    folder: Path

    def plugin(self) -> Path:
        """Return the plugin's archive for this machine's platform."""
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        return self._made(f"pulumi-resource-opencomputer-v*-{sys.platform}-{machine}.tar.gz", "plugin")

    def wheel(self) -> Path:
        """Return the Python wheel."""
        return self._made("pulumi_opencomputer-*.whl", "package")

    def source(self) -> Path:
        """Return the Python source distribution."""
        return self._made("pulumi_opencomputer-*.tar.gz", "package")

    def nodejs(self) -> Path:
        """Return the npm package."""
        return self._made("pulumi-opencomputer-*.tgz", "sdks", "nodejs")

    def go(self) -> Path:
        """Return the Go module's folder."""
        return self._made("sdk-go", "sdks", "go")

    def java(self) -> Path:
        """Return the Maven repository."""
        return self._made("maven", "sdks", "java")

    def _made(self, pattern: str, *what: str) -> Path:
        found = [*self.folder.glob(pattern)]
        if not found:
            assert "OPENCOMPUTER_ARTIFACTS" not in os.environ, f"{self.folder} has no {pattern}"
            run(sys.executable, "-m", "tools.release", "--out", self.folder, *what, cwd=ROOT)
            return self._made(pattern, *what)
        return found[0]
