"""The sandbox images that this repository's agents start from."""

import pulumi

from pulumi_opencomputer import Manifest, Snapshot

common = (
    Manifest.base()
    .apt_install(["git", "ripgrep", "jq"])
    .add_local_dir("./sandbox", "/opt/sandbox", ignore=["__pycache__/"])
    .run_commands("chmod +x /opt/sandbox/healthcheck.sh", "/opt/sandbox/healthcheck.sh")
)

# A fixed name: what runs `Sandbox.create(snapshot=...)` needs no new setting after a deployment.
stack = pulumi.get_stack()
review = Snapshot("review", common.pip_install(["ruff==0.8.4"]), name=f"review-{stack}")
analysis = Snapshot("analysis", common.pip_install(["pandas==2.2.3", "duckdb==1.1.3"]), name=f"analysis-{stack}")

pulumi.export("review", review.name)
pulumi.export("analysis", analysis.name)
