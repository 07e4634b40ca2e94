// A program with the SDK as it is published, run by the Automation API, which needs no language host.
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import * as opencomputer from "pulumi-opencomputer";

const manifest = {
    steps: [
        { aptInstall: ["jq"] },
        { addDir: { path: "/app", source: "./app", ignore: ["*.log"] } },
        { env: { GREETING: "hello" } },
    ],
};

async function program() {
    const image = new opencomputer.Image("image", { manifest });
    const daily = new opencomputer.Snapshot("daily", { name: "of-nodejs", manifest }, { dependsOn: image });
    return {
        name: daily.name,
        contentHash: image.contentHash,
        hashed: opencomputer.hashManifestOutput({ manifest }).contentHash,
        status: opencomputer.getSnapshotOutput({ name: daily.name }).status,
    };
}

const [command] = process.argv.slice(2);
const stack = await LocalWorkspace.createOrSelectStack(
    { projectName: "pytest", stackName: "dev", program },
    { workDir: process.cwd() },
);
if (command === "up") {
    const { outputs } = await stack.up({ onOutput: text => process.stderr.write(text) });
    console.log(JSON.stringify(Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value]))));
} else {
    await stack.destroy({ onOutput: text => process.stderr.write(text) });
}
