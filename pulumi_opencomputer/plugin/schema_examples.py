"""The examples in the package schema's descriptions. Each language's generator keeps those of its own."""

from __future__ import annotations

from .schema_names import GO_MODULE, JAVA_GROUP


def _shown(title: str, **programs: str) -> str:
    """Return one example in several languages, inside the markers that SDK generators and the Registry look for."""
    blocks = "\n".join(f"```{language}\n{program.strip()}\n```" for language, program in programs.items())
    return f"{{{{% examples %}}}}\n## Example Usage\n{{{{% example %}}}}\n### {title}\n\n{blocks}\n" + (
        "{{% /example %}}\n{{% /examples %}}"
    )


_TYPESCRIPT = 'import * as pulumi from "@pulumi/pulumi";\nimport * as opencomputer from "pulumi-opencomputer";\n'
_PYTHON = "import pulumi\nimport pulumi_opencomputer_native as opencomputer\n"
# The hash of `base` with `aptInstall: [jq]`.
_HASH = "4b16070a3805af489a4470b0f0977e2ae293e7d63b7fe75d44d8cb63f70bb4f1"


def _go(body: str, *more: str) -> str:
    lines = "".join(f"\t\t{line}\n" if line else "\n" for line in body.strip().split("\n"))
    imports = "".join(f'\t"github.com/pulumi/pulumi/sdk/v3/go/{name}"\n' for name in ("pulumi", *more))
    return (
        f'package main\n\nimport (\n{imports}\n\t"{GO_MODULE}/opencomputer"\n)\n\nfunc main() {{\n'
        f"\tpulumi.Run(func(ctx *pulumi.Context) error {{\n{lines}\t\treturn nil\n\t}})\n}}"
    )


def _java(body: str, *imports: str) -> str:
    ours = "".join(f"import {JAVA_GROUP}.opencomputer.{name};\n" for name in imports)
    lines = "".join(f"            {line}\n" for line in body.strip().split("\n"))
    return (
        f"import com.pulumi.Pulumi;\n{ours}\npublic class App {{\n    public static void main(String[] args) {{\n"
        f"        Pulumi.run(ctx -> {{\n{lines}        }});\n    }}\n}}"
    )


IMAGE = _shown(
    "An image of packages",
    yaml="""
resources:
  toolchain:
    type: opencomputer:Image
    properties:
      manifest:
        steps:
          - aptInstall: [ripgrep, jq]
          - pipInstall: [pandas==2.2.3]
          - workdir: /workspace
outputs:
  image: ${toolchain.contentHash}
""",
    typescript=_TYPESCRIPT
    + """
const toolchain = new opencomputer.Image("toolchain", {
    manifest: {
        steps: [
            { aptInstall: ["ripgrep", "jq"] },
            { pipInstall: ["pandas==2.2.3"] },
            { workdir: "/workspace" },
        ],
    },
});
export const image = toolchain.contentHash;
""",
    python=_PYTHON
    + """
toolchain = opencomputer.Image(
    "toolchain",
    manifest={
        "steps": [
            {"apt_install": ["ripgrep", "jq"]},
            {"pip_install": ["pandas==2.2.3"]},
            {"workdir": "/workspace"},
        ]
    },
)
pulumi.export("image", toolchain.content_hash)
""",
    go=_go("""
toolchain, err := opencomputer.NewImage(ctx, "toolchain", &opencomputer.ImageArgs{
	Manifest: opencomputer.ManifestArgs{
		Steps: opencomputer.StepArray{
			opencomputer.StepArgs{AptInstall: pulumi.ToStringArray([]string{"ripgrep", "jq"})},
			opencomputer.StepArgs{PipInstall: pulumi.ToStringArray([]string{"pandas==2.2.3"})},
			opencomputer.StepArgs{Workdir: pulumi.String("/workspace")},
		},
	},
})
if err != nil {
	return err
}
ctx.Export("image", toolchain.ContentHash)
"""),
    java=_java(
        """
var manifest = ManifestArgs.builder()
    .steps(
        StepArgs.builder().aptInstall("ripgrep", "jq").build(),
        StepArgs.builder().pipInstall("pandas==2.2.3").build(),
        StepArgs.builder().workdir("/workspace").build())
    .build();
var toolchain = new Image("toolchain", ImageArgs.builder().manifest(manifest).build());
ctx.export("image", toolchain.contentHash());
""",
        *("Image", "ImageArgs", "inputs.ManifestArgs", "inputs.StepArgs"),
    ),
)

SNAPSHOT = _shown(
    "A fixed name, for an image with a local directory",
    yaml="""
resources:
  daily:
    type: opencomputer:Snapshot
    properties:
      name: toolchain
      manifest:
        steps:
          - aptInstall: [ripgrep, jq]
          - addDir: {path: /workspace/app, source: ./app, ignore: ["*.log"]}
          - env: {PROJECT_ROOT: /workspace}
outputs:
  snapshot: ${daily.name}
""",
    typescript=_TYPESCRIPT
    + """
const daily = new opencomputer.Snapshot("daily", {
    name: "toolchain",
    manifest: {
        steps: [
            { aptInstall: ["ripgrep", "jq"] },
            { addDir: { path: "/workspace/app", source: "./app", ignore: ["*.log"] } },
            { env: { PROJECT_ROOT: "/workspace" } },
        ],
    },
});
export const snapshot = daily.name;
""",
    python=_PYTHON
    + """
daily = opencomputer.Snapshot(
    "daily",
    name="toolchain",
    manifest={
        "steps": [
            {"apt_install": ["ripgrep", "jq"]},
            {"add_dir": {"path": "/workspace/app", "source": "./app", "ignore": ["*.log"]}},
            {"env": {"PROJECT_ROOT": "/workspace"}},
        ]
    },
)
pulumi.export("snapshot", daily.name)
""",
    go=_go("""
daily, err := opencomputer.NewSnapshot(ctx, "daily", &opencomputer.SnapshotArgs{
	Name: pulumi.String("toolchain"),
	Manifest: opencomputer.ManifestArgs{
		Steps: opencomputer.StepArray{
			opencomputer.StepArgs{AptInstall: pulumi.ToStringArray([]string{"ripgrep", "jq"})},
			opencomputer.StepArgs{AddDir: opencomputer.DirectoryArgs{
				Path:   pulumi.String("/workspace/app"),
				Source: pulumi.String("./app"),
				Ignore: pulumi.ToStringArray([]string{"*.log"}),
			}},
			opencomputer.StepArgs{Env: pulumi.StringMap{"PROJECT_ROOT": pulumi.String("/workspace")}},
		},
	},
})
if err != nil {
	return err
}
ctx.Export("snapshot", daily.Name)
"""),
    java=_java(
        """
var app = DirectoryArgs.builder().path("/workspace/app").source("./app").ignore("*.log").build();
var manifest = ManifestArgs.builder()
    .steps(
        StepArgs.builder().aptInstall("ripgrep", "jq").build(),
        StepArgs.builder().addDir(app).build(),
        StepArgs.builder().env(java.util.Map.of("PROJECT_ROOT", "/workspace")).build())
    .build();
var daily = new Snapshot("daily", SnapshotArgs.builder().name("toolchain").manifest(manifest).build());
ctx.export("snapshot", daily.name());
""",
        *("Snapshot", "SnapshotArgs", "inputs.DirectoryArgs", "inputs.ManifestArgs", "inputs.StepArgs"),
    ),
)

PROVIDER = _shown(
    "A server of your own",
    yaml="""
resources:
  own:
    type: pulumi:providers:opencomputer
    properties:
      apiUrl: https://opencomputer.example.com
""",
    typescript=_TYPESCRIPT
    + """
const own = new opencomputer.Provider("own", {
    apiUrl: "https://opencomputer.example.com",
    apiKey: new pulumi.Config().requireSecret("ownKey"),
});
""",
    python=_PYTHON
    + """
own = opencomputer.Provider(
    "own",
    api_url="https://opencomputer.example.com",
    api_key=pulumi.Config().require_secret("ownKey"),
)
""",
    go=_go(
        """
own, err := opencomputer.NewProvider(ctx, "own", &opencomputer.ProviderArgs{
	ApiUrl: pulumi.String("https://opencomputer.example.com"),
	ApiKey: config.New(ctx, "").RequireSecret("ownKey"),
})
if err != nil {
	return err
}
ctx.Export("own", own.URN())
""",
        "pulumi/config",
    ),
    java=_java(
        """
var own = new Provider("own", ProviderArgs.builder()
    .apiUrl("https://opencomputer.example.com")
    .apiKey(ctx.config().requireSecret("ownKey"))
    .build());
ctx.export("own", own.urn());
""",
        *("Provider", "ProviderArgs"),
    ),
)

GET_SNAPSHOT = _shown(
    "Whether a snapshot is ready",
    yaml="""
variables:
  daily:
    fn::invoke: {function: opencomputer:getSnapshot, arguments: {name: toolchain}}
outputs:
  status: ${daily.status}
""",
    typescript=_TYPESCRIPT
    + """
export const status = opencomputer.getSnapshotOutput({ name: "toolchain" }).status;
""",
    python=_PYTHON
    + """
pulumi.export("status", opencomputer.get_snapshot_output(name="toolchain").status)
""",
    go=_go("""
daily := opencomputer.LookupSnapshotOutput(ctx, opencomputer.LookupSnapshotOutputArgs{Name: pulumi.String("toolchain")})
ctx.Export("status", daily.Status())
"""),
    java=_java(
        """
var daily = OpencomputerFunctions.getSnapshot(GetSnapshotArgs.builder().name("toolchain").build());
ctx.export("status", daily.applyValue(found -> found.status()));
""",
        *("OpencomputerFunctions", "inputs.GetSnapshotArgs"),
    ),
)

GET_SNAPSHOTS = _shown(
    "The names of all snapshots",
    yaml="""
variables:
  all:
    fn::invoke: {function: opencomputer:getSnapshots}
outputs:
  newest: ${all.snapshots[0].name}
""",
    typescript=_TYPESCRIPT
    + """
export const names = opencomputer.getSnapshotsOutput().snapshots.apply(all => all.map(each => each.name));
""",
    python=_PYTHON
    + """
pulumi.export("names", [each.name for each in opencomputer.get_snapshots().snapshots])
""",
    go=_go("""
all, err := opencomputer.GetSnapshots(ctx)
if err != nil {
	return err
}
for _, each := range all.Snapshots {
	ctx.Log.Info(each.Name, nil)
}
"""),
    java=_java(
        """
var all = OpencomputerFunctions.getSnapshots();
ctx.export("newest", all.applyValue(found -> found.snapshots().get(0).name()));
""",
        "OpencomputerFunctions",
    ),
)

GET_IMAGE = _shown(
    "Whether an image was built",
    yaml=f"""
variables:
  image:
    fn::invoke:
      function: opencomputer:getImage
      arguments: {{contentHash: {_HASH}}}
outputs:
  status: ${{image.status}}
""",
    typescript=_TYPESCRIPT
    + f"""
export const status = opencomputer.getImageOutput({{ contentHash: "{_HASH}" }}).status;
""",
    python=_PYTHON
    + f"""
pulumi.export("status", opencomputer.get_image_output(content_hash="{_HASH}").status)
""",
    go=_go(f"""
hash := pulumi.String("{_HASH}")
image := opencomputer.LookupImageOutput(ctx, opencomputer.LookupImageOutputArgs{{ContentHash: hash}})
ctx.Export("status", image.Status())
"""),
    java=_java(
        f"""
var hash = "{_HASH}";
var image = OpencomputerFunctions.getImage(GetImageArgs.builder().contentHash(hash).build());
ctx.export("status", image.applyValue(found -> found.status()));
""",
        *("OpencomputerFunctions", "inputs.GetImageArgs"),
    ),
)

HASH_MANIFEST = _shown(
    "A hash before anything is built",
    yaml="""
variables:
  hashed:
    fn::invoke:
      function: opencomputer:hashManifest
      arguments: {manifest: {steps: [{aptInstall: [jq]}]}}
outputs:
  hash: ${hashed.contentHash}
""",
    typescript=_TYPESCRIPT
    + """
export const hash = opencomputer.hashManifestOutput({ manifest: { steps: [{ aptInstall: ["jq"] }] } }).contentHash;
""",
    python=_PYTHON
    + """
hashed = opencomputer.hash_manifest_output(manifest={"steps": [{"apt_install": ["jq"]}]})
pulumi.export("hash", hashed.content_hash)
""",
    go=_go("""
hashed := opencomputer.HashManifestOutput(ctx, opencomputer.HashManifestOutputArgs{
	Manifest: opencomputer.ManifestArgs{
		Steps: opencomputer.StepArray{
			opencomputer.StepArgs{AptInstall: pulumi.ToStringArray([]string{"jq"})},
		},
	},
})
ctx.Export("hash", hashed.ContentHash())
"""),
    java=_java(
        """
var manifest = ManifestArgs.builder().steps(StepArgs.builder().aptInstall("jq").build()).build();
var hashed = OpencomputerFunctions.hashManifest(HashManifestArgs.builder().manifest(manifest).build());
ctx.export("hash", hashed.applyValue(result -> result.contentHash()));
""",
        *("OpencomputerFunctions", "inputs.HashManifestArgs", "inputs.ManifestArgs", "inputs.StepArgs"),
    ),
)
