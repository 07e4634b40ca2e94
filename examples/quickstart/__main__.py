"""A sandbox image, and two snapshots that sandboxes start from."""

import pulumi

from pulumi_opencomputer import Image, Manifest, Snapshot

toolchain = (
    Manifest.base()
    .apt_install(["ripgrep", "jq"])
    .pip_install(["pandas==2.2.3"])
    .add_local_dir("./app", "/workspace/app", ignore=["__pycache__/", "*.log"])
    .env({"PROJECT_ROOT": "/workspace"})
    .run_commands("python3 -m compileall /workspace/app")
    .workdir("/workspace")
)

image = Image("toolchain", toolchain)  # built once, cached by content
daily = Snapshot("daily", image, name="toolchain")  # a fixed name
trial = Snapshot("trial", image)  # a generated name, new with each content

pulumi.export("image", image.content_hash)
pulumi.export("snapshot", daily.name)
pulumi.export("trial", trial.name)
