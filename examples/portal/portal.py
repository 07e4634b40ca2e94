"""Deploy a team's image from a program of one's own, and tell how it goes: python portal.py TEAM --apt … --pip …."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import automation as auto

from pulumi_opencomputer import InvalidInputError, Manifest, Snapshot

PROJECT = "portal"

# What the engine did to a resource, in words.
DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What a user asked for."""

    team: str
    apt: Sequence[str] = ()
    pip: Sequence[str] = ()


class DeploymentError(Exception):
    """The image could not be deployed; the text is for the user."""


def manifest_of(request: Request) -> Manifest:
    """The manifest, validated before anything is deployed.

    Raises:
        DeploymentError: A package can't be installed as it is written.
    """
    manifest = Manifest.base()
    if request.apt:
        manifest = manifest.apt_install(list(request.apt))
    if request.pip:
        manifest = manifest.pip_install(list(request.pip))
    try:
        manifest.cache_key()
    except InvalidInputError as error:
        raise DeploymentError(str(error)) from error
    return manifest


def deploy(request: Request, progress: Progress) -> str:
    """Deploy an image, and return the name that sandboxes start from.

    Raises:
        DeploymentError: The request can't be built, or the build failed; the old snapshot stays as it was.
    """
    manifest = manifest_of(request)

    def program() -> None:
        pulumi.export("snapshot", Snapshot(request.team, manifest).name)

    stack = auto.create_or_select_stack(request.team, PROJECT, program)
    reasons: list[str] = []
    try:
        done = stack.up(on_event=lambda event: tell(event, progress, reasons))
    except auto.CommandError as error:
        raise DeploymentError("; ".join(reasons) or str(error)) from error
    return str(done.outputs["snapshot"].value)


def tell(event: auto.EngineEvent, progress: Progress, reasons: list[str]) -> None:
    """Turn an event of the engine into a line of progress, and collect errors."""
    line = event.diagnostic_event
    if line and line.urn and not line.ephemeral:
        (reasons.append if line.severity == "error" else progress)(line.message.strip())
    step = event.res_outputs_event
    if step and "opencomputer" in step.metadata.type and step.metadata.op.value in DONE:
        progress(f"{DONE[step.metadata.op.value]} {step.metadata.urn.rpartition('::')[2]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("team")
    parser.add_argument("--apt", nargs="+", default=[], metavar="PACKAGE")
    parser.add_argument("--pip", nargs="+", default=[], metavar="PACKAGE")
    request = Request(**vars(parser.parse_args()))
    try:
        name = deploy(request, lambda line: print(f"{request.team}: {line}", flush=True))
    except DeploymentError as failed:
        print(f"{request.team}: {failed}", file=sys.stderr)
        return 1
    print(f"{request.team}: ready, start sandboxes from {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
