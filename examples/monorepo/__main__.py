"""A snapshot for each service of a monorepo. Those without steps of their own share one image."""

import pulumi

from pulumi_opencomputer import Image, Manifest, Snapshot

SERVICES = [
    "billing",
    "catalogue",
    "checkout",
    "delivery",
    "inventory",
    "notifications",
    "pricing",
    "profiles",
    "reports",
    "search",
]

shared = (
    Manifest.base()
    .apt_install(["git", "ripgrep"])
    .add_local_dir("libraries", "/opt/libraries", ignore=["__pycache__/", "*.egg-info/"])
    .workdir("/workspace")
)

# What a service needs beyond the shared image.
EXTRA = {"reports": shared.pip_install(["pandas==2.2.3"])}

image = Image("shared", shared)
for service in SERVICES:
    snapshot = Snapshot(service, EXTRA.get(service, image))
    pulumi.export(service, snapshot.name)
