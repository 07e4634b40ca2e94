"""The program whose states are kept: each kind of resource, name, step and secret once."""

import pulumi

from pulumi_opencomputer import Image, Manifest, Snapshot

token = pulumi.Output.secret("hunter2-hunter2")
tools = (
    Manifest.base()
    .apt_install(["ripgrep"])
    .pip_install(["requests==2.32.3"])
    .run_commands("make tools", "make check")
    .add_file("/etc/motd", "welcome\n")
)
app = (
    tools.env({"TOKEN": token, "GREETING": "hello"})
    .run_commands(pulumi.Output.concat("login ", token))
    .add_local_dir("app", "/workspace/app", ignore=["*.log"])
    .add_local_file("start.sh", "/workspace/start.sh")
    .workdir("/workspace")
    .builder_memory(2048)
)

image = Image("toolchain", app)
daily = Snapshot("daily", image, name="daily-fixed")
trial = Snapshot("trial", image)

# Without local files and secrets.
plain = Snapshot("plain", tools, name="plain-fixed", adopt=True, timeout=600)
group = pulumi.ComponentResource("pytest:index:Group", "group")
child = Snapshot("child", tools, opts=pulumi.ResourceOptions(parent=group))

pulumi.export("names", [daily.name, trial.name, plain.name, child.name])
