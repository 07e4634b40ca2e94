"""What other projects read."""

import images
import pulumi

pulumi.export("snapshot", images.agents.name)
pulumi.export("fallback", images.fallback.name)
