"""The plugin's features beyond the dynamic provider, in YAML programs with the real command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters import PLUGIN, only
from emulator_process import Emulator, wait_until
from project import Project, is_alive
from pulumi_opencomputer import Manifest

pytestmark = [only(PLUGIN), pytest.mark.usefixtures("yaml_host")]

IMAGE = """
resources:
  image:
    type: opencomputer:Image
    properties:
      manifest:
        steps: STEPS
"""
STEPS = "[{aptInstall: [jq]}, {pipInstall: [pandas==2.2.3]}, {env: {GREETING: hello}}]"

SEEDS = {
    "empty": Manifest.base(),
    "packages": Manifest.base().apt_install(["jq"]).pip_install(["pandas==2.2.3"]).rebuild("2026-08-01"),
    "files": Manifest.base().add_file("/etc/motd", "hello\n${not.a.reference}\n").add_file("/raw", b"\xff\x00\x01"),
    "settings": Manifest.base("other").env({"A_B": "1 2"}).workdir("/w").builder_memory(4096).runtime_memory(512),
    "commands": Manifest.base().run_commands("set -e", 'echo "$HOME" | tee /tmp/x'),
}


def test_preview_names_the_step_that_changed(project: Project) -> None:
    """A changed package shows as a replacement at the path of its step, and nowhere else."""
    project.yaml(IMAGE.replace("STEPS", STEPS))
    project.up()
    project.yaml(IMAGE.replace("STEPS", STEPS.replace("2.2.3", "2.3.1")))
    ran = project.preview("--diff")
    assert {path: kind for path, kind in ran.changes("image").items() if path.startswith("manifest")} == {
        "manifest.steps[1].pipInstall": "update-replace"
    }
    assert "pandas==2.3.1" in ran.text


def test_preview_says_what_will_be_built(project: Project, emulator: Emulator) -> None:
    """Cached content is shown as ready, other content with its number of steps, using one request for all."""
    emulator.create("seed", SEEDS["packages"].to_dict())
    emulator.forget_requests()
    project.yaml("""
    resources:
      known:
        type: opencomputer:Snapshot
        properties:
          manifest: {steps: [{aptInstall: [jq]}, {pipInstall: [pandas==2.2.3]}], rebuild: "2026-08-01"}
      fresh:
        type: opencomputer:Snapshot
        properties:
          manifest: {steps: [{run: [make]}, {workdir: /w}]}
    """)
    ran = project.preview()
    assert ran.lines("known", ephemeral=True) == ["cached: ready at once"]
    assert ran.lines("fresh", ephemeral=True) == ["will build: 2 steps"]
    assert [entry["path"] for entry in emulator.requests()] == ["/api/images"]


def test_everything_at_the_server_can_be_imported(project: Project, emulator: Emulator) -> None:
    """Each snapshot and image is imported with generated code, and that program then has no changes."""
    records = [emulator.create(name, manifest.to_dict()) for name, manifest in SEEDS.items()]
    wanted = [
        {"type": "opencomputer:index:Snapshot", "name": f"snapshot-{record['name']}", "id": record["name"]}
        for record in records
    ]
    wanted += [
        {
            "type": "opencomputer:index:Image",
            "name": f"image-{record['name']}",
            "id": record["contentHash"].partition(":")[0],
        }
        for record in records
    ]
    project.yaml("resources: {}\n")
    (project.folder / "wanted.json").write_text(json.dumps({"resources": wanted}))
    options = ("--file", "wanted.json", "--out", "imported.yaml", "--yes", "--protect=false", "--skip-preview")
    project.pulumi("import", *options)
    project.yaml((project.folder / "imported.yaml").read_text())
    emulator.forget_requests()
    ran = project.up()
    assert set(ran.steps().values()) == {"same"}
    assert len(ran.steps()) >= len(wanted)
    assert emulator.requests() == []
    outputs = {name: project.resource(f"snapshot-{name}")["outputs"] for name in SEEDS}
    hashes = {name: manifest.cache_key() for name, manifest in SEEDS.items()}
    assert {name: found["contentHash"] for name, found in outputs.items()} == hashes
    assert {name: found["snapshotId"] for name, found in outputs.items()} == {
        record["name"]: record["id"] for record in records
    }


def test_functions_answer_in_a_program(project: Project, emulator: Emulator) -> None:
    """Snapshots and images are looked up, and a manifest is hashed without being built."""
    record = emulator.create("seed", SEEDS["packages"].to_dict())
    project.yaml("""
    variables:
      one: {fn::invoke: {function: opencomputer:getSnapshot, arguments: {name: seed}}}
      all: {fn::invoke: {function: opencomputer:getSnapshots}}
      image: {fn::invoke: {function: opencomputer:getImage, arguments: {contentHash: "${one.contentHash}"}}}
      hashed:
        fn::invoke:
          function: opencomputer:hashManifest
          arguments: {manifest: {steps: [{aptInstall: [jq]}, {pipInstall: [pandas==2.2.3]}], rebuild: "2026-08-01"}}
    outputs:
      found: ${one.snapshotId}
      listed: ${all.snapshots[0].name}
      status: ${image.status}
      hash: ${hashed.contentHash}
    """)
    project.up()
    key = SEEDS["packages"].cache_key()
    assert project.outputs() == {"found": record["id"], "listed": "seed", "status": "ready", "hash": key}


TWO_PROVIDERS = """
resources:
  first-api:
    type: pulumi:providers:opencomputer
    properties: {apiUrl: FIRST_URL, apiKey: first-key}
  second-api:
    type: pulumi:providers:opencomputer
    properties: {apiUrl: SECOND_URL, apiKey: second-key}
  first:
    type: opencomputer:Snapshot
    properties: {name: same, manifest: {steps: [{run: [first]}]}}
    options: {provider: "${first-api}"}
  second:
    type: opencomputer:Snapshot
    properties: {name: same, manifest: {steps: [{run: [second]}]}}
    options: {provider: "${second-api}"}
"""


def test_two_providers_have_a_server_and_a_key_each(project: Project, start_emulator: Callable[..., Emulator]) -> None:
    """Each resource uses its provider's server; a changed key only updates the provider, and is never shown."""
    emulators = [start_emulator(api_key=key) for key in ("first-key", "second-key")]
    program = TWO_PROVIDERS.replace("FIRST_URL", emulators[0].url).replace("SECOND_URL", emulators[1].url)
    project.yaml(program)
    texts = [project.up().text]
    for emulator, command in zip(emulators, ("first", "second"), strict=True):
        (record,) = emulator.snapshots()
        assert record["manifest"]["steps"] == [{"type": "run", "args": {"commands": [command]}}]
        emulator.forget_requests()
    project.yaml(program.replace("apiKey: second-key", "apiKey: changed-key"))
    ran = project.up("--diff")
    texts += [ran.text, str(ran.events), project.exported()]
    assert ran.steps()["second-api"] == "update"
    assert ran.changes("second-api") == {"apiKey": "update"}
    assert {resource: ran.steps()[resource] for resource in ("first", "second")} == {"first": "same", "second": "same"}
    assert [emulator.requests() for emulator in emulators] == [[], []]
    assert [text for text in texts if "-key" in text.replace("first-api", "").replace("second-api", "")] == []


def test_interrupted_build_comes_to_its_end_and_leaves_no_process(project: Project, emulator: Emulator) -> None:
    """The first Ctrl-C lets the running build finish, says why, starts nothing new, and the plugin exits."""
    project.yaml("""
    resources:
      running:
        type: opencomputer:Snapshot
        properties: {name: running, manifest: {steps: [{run: [SLEEP_BUILD_3]}]}}
      waiting:
        type: opencomputer:Snapshot
        properties: {name: waiting, manifest: {steps: [{run: [make]}]}}
        options: {dependsOn: ["${running}"]}
    """)
    with project.start() as process:
        plugin = process.provider()
        wait_until(lambda: [build["outcome"] for build in emulator.builds()] == ["running"])
        process.interrupt()
        ran = process.wait()
        wait_until(lambda: not is_alive(plugin))
    assert "a build that has already started still finishes" in ran.text
    assert [record["name"] for record in emulator.snapshots()] == ["running"]
    assert project.resource("running")["outputs"]["status"] == "ready"
    assert [build["outcome"] for build in emulator.builds()] == ["ready"]


def test_thirty_two_builds_run_side_by_side(project: Project, emulator: Emulator) -> None:
    """With --parallel 32 the plugin runs 32 builds at once."""
    resource = """
  snapshot-{number}:
    type: opencomputer:Snapshot
    properties: {{manifest: {{steps: [{{run: ["SLEEP_BUILD_6 {number}"]}}]}}}}
"""
    project.yaml("resources:\n" + "".join(resource.format(number=number) for number in range(32)))
    with project.start("--parallel", "32") as process:
        wait_until(lambda: [build["outcome"] for build in emulator.builds()] == ["running"] * 32)
        ran = process.wait()
    assert ran.code == 0, ran.text
    assert len(emulator.snapshots()) == 32


SECRETS = """
resources:
  daily:
    type: opencomputer:Snapshot
    properties:
      manifest:
        steps:
          - env: {TOKEN: {fn::secret: hunter2-variable}}
          - run: [make, {fn::secret: hunter2 FAIL_BUILD}]
"""


def test_secrets_of_a_yaml_program_are_nowhere_in_clear(project: Project) -> None:
    """A `fn::secret` value is in no log, event or state, even if a step that contains it fails."""
    project.yaml(SECRETS)
    runs = [project.preview("--diff"), project.up(fails=True)]
    assert "[2/2] run (holds a secret)" in runs[-1].text
    project.yaml(SECRETS.replace("FAIL_BUILD", ""))
    runs.append(project.up("--diff"))
    texts: list[Any] = [project.exported(), *(text for ran in runs for text in (ran.text, str(ran.events)))]
    assert [text for text in texts if "hunter2" in text] == []
    assert "[1/2] env (holds a secret)" in runs[-1].text
