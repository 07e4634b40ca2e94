"""The images that agents start from."""

import pulumi

from pulumi_opencomputer import Image, Manifest, Snapshot, get_snapshot

pandas = pulumi.Config().get("pandas") or "2.2.3"
tools = Manifest.base().apt_install(["ripgrep", "jq"]).pip_install([f"pandas=={pandas}"]).workdir("/workspace")

image = Image("tools", tools)
agents = Snapshot("agents", image, name="agents")
trial = Snapshot("trial", image)
fallback = get_snapshot("base-tools")
