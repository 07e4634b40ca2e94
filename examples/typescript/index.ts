// A sandbox image, and two snapshots that sandboxes start from.
import * as path from "node:path";

import * as opencomputer from "pulumi-opencomputer";

const toolchain: opencomputer.types.input.ManifestArgs = {
    steps: [
        { aptInstall: ["ripgrep", "jq"] },
        { pipInstall: ["pandas==2.2.3"] },
        { addDir: { path: "/workspace/app", source: path.resolve("app"), ignore: ["__pycache__/", "*.log"] } },
        { env: { PROJECT_ROOT: "/workspace" } },
        { run: ["python3 -m compileall /workspace/app"] },
        { workdir: "/workspace" },
    ],
};

const built = new opencomputer.Image("toolchain", { manifest: toolchain }); // built once, cached by content
const fixed = { manifest: toolchain, name: "toolchain" };
const daily = new opencomputer.Snapshot("daily", fixed, { dependsOn: built }); // a fixed name
const named = new opencomputer.Snapshot("trial", { manifest: toolchain }, { dependsOn: built }); // new with each content

export const image = built.contentHash;
export const snapshot = daily.name;
export const trial = named.name;
