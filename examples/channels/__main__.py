"""Versions of a sandbox image, and two channels: fixed names that follow them."""

import pulumi

from pulumi_opencomputer import Image, Manifest, Snapshot

config = pulumi.Config()

toolchain = (
    Manifest.base()
    .apt_install(["ripgrep", "jq"])
    .env({"TOOLCHAIN": config.get("toolchain") or "1"})
    .workdir("/workspace")
)

image = Image("toolchain", toolchain)
trial = Snapshot("trial", image, keep=5)  # a version for each content; the last five superseded ones stay

# beta is always the newest version, stable the one that the configuration names: at first the newest too.
beta = Snapshot("beta", name="beta", source_snapshot=trial.name)
stable = Snapshot("stable", name="stable", source_snapshot=config.get("stable") or trial.name)

pulumi.export("version", trial.name)
pulumi.export("versions", trial.versions)
pulumi.export("stable", stable.source_snapshot)
