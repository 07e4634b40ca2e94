"""A team's sandbox: the company's base, the team's packages, and a snapshot for each purpose."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from pulumi_opencomputer import Image, Manifest, Snapshot

BASE = Manifest.base().apt_install(["git", "ripgrep", "jq"]).env({"COMPANY": "acme"}).workdir("/workspace")


class TeamSandbox(pulumi.ComponentResource):
    """An image and its snapshots.

    Args:
        team: The team's name.
        packages: Python packages, each pinned as ``name==version``.
        purposes: What the team starts sandboxes for; each gets a snapshot named ``<team>-<purpose>-<stack>``.

    Attributes:
        snapshots: The snapshots' names by purpose.
    """

    def __init__(
        self,
        team: str,
        packages: Sequence[str],
        purposes: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("acme:sandboxes:TeamSandbox", team, None, opts)
        loose = [package for package in packages if "==" not in package]
        if loose:
            raise ValueError(f"team {team}: pin {', '.join(loose)} to a version, as in pandas==2.2.3")
        below = pulumi.ResourceOptions(parent=self)
        image = Image(team, BASE.pip_install(list(packages)), opts=below)
        stack = pulumi.get_stack()
        self.snapshots: dict[str, pulumi.Output[str]] = {
            purpose: Snapshot(f"{team}-{purpose}", image, name=f"{team}-{purpose}-{stack}", opts=below).name
            for purpose in purposes
        }
        self.register_outputs({"snapshots": self.snapshots})
