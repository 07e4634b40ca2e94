"""The image that agents start from."""

import pulumi

from pulumi_opencomputer import Manifest, Snapshot

pandas = pulumi.Config().get("pandas") or "2.2.3"
tools = Manifest.base().apt_install(["ripgrep", "jq"]).pip_install([f"pandas=={pandas}"]).workdir("/workspace")
agents = Snapshot("agents", tools, name="agents")

pulumi.export("snapshot", agents.name)
