"""Each resource option of Pulumi, in each kind of program, with fixed and generated names."""

from __future__ import annotations

from declared_program import Code, Declared, Ref
from features import cell, tries
from pulumi_opencomputer.lifecycle.names import mark
from world import World


def both(name: str, command: str, **options: object) -> list[Declared]:
    """Return a snapshot with a fixed name and one with a generated name."""
    return [
        Declared(name, command, fixed=name, options=options),
        Declared(f"{name}-gen", command, options=options),
    ]


@tries(
    "protect",
    "retain_on_delete",
    "delete_before_replace",
    "ignore_changes",
    "replace_on_changes",
    "depends_on",
    "additional_secret_outputs",
    "custom_timeouts",
)
def test_options_of_a_change(world: World) -> None:
    """Deploy two versions of a program, then one without the retained resources, then destroy."""

    def program(command: str, *, retained: bool = True) -> list[Declared]:
        return [
            *both("guarded", "stays", protect=True),
            *(both("retained", "stays", retain_on_delete=True) if retained else []),
            *both("early", command, delete_before_replace=True),
            *both("frozen", command, ignore_changes=["manifest"]),
            *both("strict", command, replace_on_changes=["manifest", "adopt"]),
            *both("after", "stays", depends_on=[Ref("early")]),
            *both("hidden", "stays", additional_secret_outputs=["contentHash"]),
            *both("limited", command, custom_timeouts={"create": "2m"}),
        ]

    world.write(*program("one"))
    world.up()
    before = world.ids()
    world.write(*program("two"))
    ran = world.up()
    after = world.ids()
    world.assert_one_record_each()
    for name in ("early", "early-gen"):
        operations = ran.operations(name)
        assert operations.index("delete-replaced") < operations.index("create-replacement")
    for name in ("frozen", "frozen-gen", "after", "after-gen", "guarded", "retained"):
        assert (ran.steps()[name], after[name]) == ("same", before[name])
    for name in ("strict", "strict-gen", "limited", "limited-gen", "early"):
        assert after[name] != before[name]
    assert world.project.resource("after")["dependencies"] == [world.urn("early")]
    for name in ("hidden", "hidden-gen"):
        assert isinstance(world.project.resource(name)["outputs"]["contentHash"], dict)
    world.write(*program("two", retained=False))
    world.up()
    assert {after["retained"], after["retained-gen"]} <= world.record_ids()
    assert "retained" not in world.ids()
    assert "protect" in world.project.destroy("--target", world.urn("guarded"), fails=True).text
    assert {after["guarded"], after["guarded-gen"]} <= world.record_ids()


@tries("aliases", "parent")
def test_another_name_or_place(world: World) -> None:
    """A resource with another name or parent keeps its snapshot, and can replace it."""
    program = [*both("then", "stays"), *both("moved", "one"), Declared("team", "team", fixed="team")]
    world.write(*program)
    world.up()
    before = world.ids()
    kinds = {name: world.urn(name) for name in before}

    def later(name: str, old: str, command: str) -> list[Declared]:
        fixed, generated = (Declared(*each) for each in ((name, command, old), (f"{name}-gen", command)))
        return [
            Declared(each.name, command, each.fixed, options={"parent": Ref("team"), "aliases": [kinds[alias]]})
            for each, alias in ((fixed, old), (generated, f"{old}-gen"))
        ]

    world.write(
        Declared("team", "team", fixed="team"), *later("now", "then", "stays"), *later("moving", "moved", "two")
    )
    ran = world.up()
    after = world.ids()
    world.assert_one_record_each()
    assert (ran.steps()["now"], ran.steps()["now-gen"]) == ("same", "same")
    assert (after["now"], after["now-gen"]) == (before["then"], before["then-gen"])
    assert after["moving"] != before["moved"]
    urn = world.project.resource("moving")["urn"]
    assert "Snapshot$" in urn
    assert world.records()["moved"]["manifest"]["pulumiMark"] == mark(urn)
    assert set(world.up().steps().values()) <= {"same"}


@tries("replacement_trigger", "replace_with", columns=("dynamic", "python"))
def test_replacements_that_the_engine_decides(world: World) -> None:
    """The engine only calls create, so the old snapshot is recognised by its mark alone."""

    def program(trigger: str, command: str) -> list[Declared]:
        return [
            *both("triggered", "stays", replacement_trigger=trigger),
            *both("changed", command, replacement_trigger=trigger),
            *both("with-it", "stays", replace_with=[Ref("triggered")]),
            *both("changed-with-it", command, replace_with=[Ref("triggered")]),
        ]

    world.write(*program("one", "one"))
    world.up()
    before = world.ids()
    world.write(*program("two", "two"))
    world.up()
    after = world.ids()
    world.assert_one_record_each()
    assert not set(before.values()) & set(after.values())
    assert set(world.up().steps().values()) <= {"same"}


@tries("import_")
def test_import(world: World) -> None:
    """An existing snapshot is imported as it is, or the option is rejected before anything is sent."""
    made = world.make("there", "make")
    expected = cell("import_", world.column.name)
    world.write(Declared("daily", "make", fixed="there", options={"import_": "there"}))
    ran = world.up(fails=expected.verdict == "refused")
    assert expected.words in ran.text
    assert world.record_ids() == {made["id"]}
    if expected.verdict == "right":
        assert world.ids() == {"daily": made["id"]}


@tries("id")
def test_reading_what_is_there(world: World) -> None:
    """A snapshot that is only read is never replaced or deleted."""
    made = world.make("there", "make")
    expected = cell("id", world.column.name)
    if world.column.is_yaml:
        world.project.yaml(
            "resources: {daily: {type: opencomputer:Snapshot, get: {id: there}}}\n"
            "outputs: {found: '${daily.snapshotId}'}\n"
        )
    else:
        world.write(Declared("daily", "make", options={"id": "there"}))
    ran = world.up(fails=expected.verdict == "refused")
    assert expected.words in ran.text
    if expected.verdict == "right":
        assert world.ids() == {"daily": made["id"]}
        world.project.destroy()
    assert world.record_ids() == {made["id"]}


@tries("provider")
def test_a_provider_of_its_own(world: World) -> None:
    """Resources with an explicit provider use its server; a dynamic resource can't, so it is rejected."""
    world.write_with_provider()
    expected = cell("provider", world.column.name)
    world.project.environment.pop("OPENCOMPUTER_API_KEY")
    ran = world.up(fails=expected.verdict == "refused")
    assert expected.words in ran.text
    assert set(world.records()) == (set() if expected.verdict == "refused" else {"daily"})


@tries("providers", columns=("dynamic", "python"))
def test_providers_of_a_component(world: World) -> None:
    """The children of a component use its provider."""
    world.project.environment.pop("OPENCOMPUTER_API_KEY")
    head = f"""
own = pulumi.ProviderResource("opencomputer", "own", {world.settings})
team = pulumi.ComponentResource("test:index:Team", "team", None, pulumi.ResourceOptions(providers=[own]))
"""
    world.write(Declared("daily", fixed="daily", options={"parent": Code("team")}), head=head)
    expected = cell("providers", world.column.name)
    ran = world.up(fails=expected.verdict == "refused")
    assert expected.words in ran.text
    assert set(world.records()) == (set() if expected.verdict == "refused" else {"daily"})


CHANGES = """
import pathlib

def manifest_of(args):
    steps = [*args.props["manifest"]["steps"], {"run": [pulumi.Output.secret("hunter2")]}]
    return {**args.props, "manifest": {"base": "base", "steps": steps}}

transform = lambda args: pulumi.ResourceTransformResult(manifest_of(args), args.opts)
transformation = lambda args: pulumi.ResourceTransformationResult(manifest_of(args), args.opts)
note = lambda args: pathlib.Path("hooked").open("a").write(args.name + "\\n") and None
noting = pulumi.ResourceHook("note", note)
hooks = pulumi.ResourceHookBinding(before_create=[noting], after_create=[noting], before_delete=[noting])
"""


@tries("transformations", "transforms", "hooks", "hide_diffs", columns=("dynamic", "python"))
def test_what_only_python_has(world: World) -> None:
    """Functions of the program that Pulumi calls; what they add is built, and stays secret."""

    def program(command: str) -> list[Declared]:
        return [
            *both("transformed", f"a {command}", transforms=[Code("transform")]),
            *both("early-transformed", f"b {command}", transformations=[Code("transformation")]),
            *both("hooked", f"c {command}", hooks=Code("hooks")),
            *both("quiet", f"d {command}", hide_diffs=["manifest"]),
        ]

    texts = []
    for command in ("one", "two"):
        world.write(*program(command), head=CHANGES)
        ran = world.up("--diff")
        texts += [ran.text, str(ran.events)]
        world.assert_one_record_each()
        assert set(world.up("--run-program").steps().values()) <= {"same"}
    assert "hunter2" not in "".join(texts) + world.project.exported()
    for name in ("transformed", "early-transformed"):
        assert [len(step["args"]["commands"]) for step in world.records()[name]["manifest"]["steps"]] == [1, 1]
    noted = (world.project.folder / "hooked").read_text().split()
    # For each: before and after hooks of two creates, and one for the delete of the old snapshot.
    assert [noted.count(name) for name in ("hooked", "hooked-gen")] == [5, 5]
    assert "d one" not in texts[2]


@tries("deleted_with")
def test_deleted_with(world: World) -> None:
    """Pulumi doesn't call delete for a resource that is deleted with another one."""
    world.write(Declared("sandboxes", "one", fixed="sandboxes"), *both("with-it", "two", deleted_with=Ref("sandboxes")))
    world.up()
    ids = world.ids()
    world.project.destroy()
    assert world.record_ids() == {ids["with-it"], ids["with-it-gen"]}


@tries("version", "plugin_download_url")
def test_the_plugins_version(world: World) -> None:
    """The options choose the plugin; for a dynamic resource, that is Pulumi's own."""
    options = {"version": "9.9.9", "plugin_download_url": "https://127.0.0.1:1/nothing"}
    world.write(Declared("daily", fixed="daily", options=options))
    plugin = "pulumi-python" if world.column.name == "dynamic" else "opencomputer"
    ran = world.up()
    assert f"resource plugin {plugin} is expected to have version >=9.9.9" in ran.text
    assert set(world.records()) == {"daily"}


@tries(
    "replacement_trigger",
    "replace_with",
    "providers",
    "transformations",
    "transforms",
    "hooks",
    "hide_diffs",
    columns=("yaml",),
)
def test_what_yaml_has_not(world: World) -> None:
    """Pulumi itself reports the error, and nothing is sent."""
    names = ("replacement_trigger", "replace_with", "transformations", "transforms", "hooks", "hide_diffs")
    world.write(Declared("daily", fixed="daily", options=dict.fromkeys(names, "any")))
    text = world.up(fails=True).text
    for name in ("replacementTrigger", "replaceWith", "transformations", "transforms", "hooks", "hideDiffs"):
        assert f"'{name}' does not exist" in text or f"{name} does not exist" in text
    assert world.emulator.requests() == []
