"""The snapshot that agents start from, once for each environment."""

import pulumi

from pulumi_opencomputer import Manifest, Snapshot

pandas = pulumi.Config().require("pandas")
tools = Manifest.base().apt_install(["ripgrep", "jq"]).pip_install([f"pandas=={pandas}"]).workdir("/workspace")

# A generated name: the new snapshot exists before the old one goes, and consumers read the name from the stack.
agents = Snapshot("agents", tools)

pulumi.export("agents", agents.name)
