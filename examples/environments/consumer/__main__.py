"""A service's own infrastructure, which gets the snapshot's name from the stack that made it."""

import pulumi

images = pulumi.StackReference(pulumi.Config().require("images"))

pulumi.export("snapshot", images.require_output("agents"))
