"""A snapshot that keeps the rules; `pulumi config set careless true` makes it one that breaks all of them."""

import pulumi

from pulumi_opencomputer import Manifest, Snapshot

if pulumi.Config().get_bool("careless"):
    tools = Manifest.base("default").pip_install(["pandas"]).env({"API_TOKEN": "in clear text"})
else:
    tools = Manifest.base().pip_install(["pandas==2.2.3"]).env({"PROJECT_ROOT": "/workspace"})

pulumi.export("snapshot", Snapshot("governed", tools).name)
