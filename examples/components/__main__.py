"""The teams, and what each needs."""

import pulumi
from team_sandbox import TeamSandbox

research = TeamSandbox("research", ["pandas==2.2.3", "duckdb==1.1.3"], ["notebooks", "batch"])
support = TeamSandbox("support", ["requests==2.32.3"], ["agents"])

pulumi.export("research", research.snapshots)
pulumi.export("support", support.snapshots)
