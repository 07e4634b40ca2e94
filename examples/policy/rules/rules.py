"""The rules, as plain functions: each yields what a manifest breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

BASES = ("base",)
_CREDENTIAL = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY)", re.IGNORECASE)
_PRIVATE_KEY = "-----BEGIN "
_PINNED = re.compile(r"==|^-r |^--")


def allowed_base(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The base is one of those that we patch."""
    base = manifest.get("base", "base")
    if base not in BASES:
        yield f"the base is {base!r}; choose one of {', '.join(BASES)}"


def pinned_packages(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Every Python package has one version, so that a build next month gives the same image."""
    for number, step in _steps(manifest):
        for package in step.get("pipInstall") or ():
            if not _PINNED.search(package):
                yield f"step {number}: pin {package!r}, as in {package}==1.2.3"


def no_credentials(manifest: Mapping[str, Any], secret_paths: str = "") -> Iterator[str]:
    """No credential is built into an image, unless the program marked it as a secret.

    Args:
        manifest: The manifest in the declared form.
        secret_paths: Which values the program marked, as the Python resources tell; empty on the plugin.
    """
    for number, step in _steps(manifest):
        for name in step.get("env") or ():
            if _CREDENTIAL.search(name) and name not in secret_paths:
                yield f"step {number}: {name} looks like a credential; give it to sandboxes when they start"
        content = (step.get("addFile") or {}).get("content") or ""
        if _PRIVATE_KEY in content and "PRIVATE KEY" in content:
            yield f"step {number}: the file holds a private key"


def _steps(manifest: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return iter(enumerate(manifest.get("steps") or (), start=1))
