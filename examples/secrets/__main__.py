"""An image with packages of a private index."""

import pulumi

from pulumi_opencomputer import Manifest, Snapshot

token = pulumi.Config().require_secret("indexToken")
index = pulumi.Output.concat("https://build:", token, "@pypi.example.com/simple")

tools = (
    Manifest.base()
    .pip_install(["requests==2.32.3"])
    .run_commands(pulumi.Output.concat("pip install -q --index-url ", index, " acme-tools==1.4.0"))
    .workdir("/workspace")
)
private = Snapshot("private", tools)

pulumi.export("private", private.name)
