"""The commands that the user runs after `generate`, which it prints."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from .folder import Folder
from .resource import Resource

_ENVIRONMENT = "python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt"


def next_steps(resources: Sequence[Resource], folder: Folder, program: str, *, is_bare: bool, allow_http: bool) -> str:
    """Return the text that `generate` prints at its end.

    Args:
        resources: The program's resources.
        folder: Its folder.
        program: The name of its file.
        is_bare: Whether an environment for Python must be made first.
        allow_http: Whether the commands may send the key unencrypted.
    """
    files = sum(1 for file in (folder.path / "files").rglob("*") if file.is_file())
    beside = f" and {files} files beside it" if files else ""
    commands = [
        f"cd {shlex.quote(str(folder.path))}",
        *([_ENVIRONMENT] if is_bare else []),
        "pulumi stack init dev",
        *(command for resource in resources for command in _secret_commands(resource, allow_http=allow_http)),
        "pulumi import --file import.json --generate-code=false --protect=false",
        "pulumi up",
    ]
    first = f"{len(resources)} resources are in {folder.path / program}{beside}. Next:"
    return "\n".join([first, "", *(f"  {command}" for command in commands)])


def _secret_commands(resource: Resource, *, allow_http: bool) -> list[str]:
    """Return the commands that put each secret into the stack's configuration without showing it.

    If the value can't be had, nothing is stored. The shell drops line ends at the end of a command's output; the dot
    after them keeps them.
    """
    flags = " --image" * (resource.kind == "Image") + " --allow-http" * allow_http
    name = shlex.quote(resource.id)
    return [
        f'(value="$(pulumi-opencomputer value{flags} -- {name} {shlex.quote(secret.path)} && echo .)" && '
        f'printf %s "${{value%.}}" | pulumi config set --secret {secret.key})'
        for secret in resource.secrets
    ]
