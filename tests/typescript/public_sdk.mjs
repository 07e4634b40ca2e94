// Calls every documented method for images, snapshots and starting a sandbox, and prints what came back as JSON.
import { Image, Sandbox, Snapshots } from "@opencomputer/sdk/node";

const [folder] = process.argv.slice(2);
const image = Image.base()
  .aptInstall(["curl", "git"])
  .pipInstall(["requests"])
  .addFile("/workspace/config.json", '{"a": "<é>"}')
  .addLocalFile(`${folder}/one.txt`, "/workspace/one.txt")
  .addLocalDir(`${folder}/app`, "/workspace/app")
  .env({ B: "1", A: "2" })
  .runCommands("echo hi", "echo there")
  .workdir("/workspace")
  .builderMemory(2048);

const snapshots = new Snapshots();
const log = [];
const created = await snapshots.create({ name: "typescript", image, onBuildLogs: (line) => log.push(line) });
const got = await snapshots.get("typescript");
const listed = await snapshots.list();
const awaited = await snapshots.waitUntilReady("typescript");

const startLog = [];
const fromImage = await Sandbox.create({ image, onBuildLog: (line) => startLog.push(line) });
const fromSnapshot = await Sandbox.create({ snapshot: "typescript" });
const fromTemplate = await Sandbox.create();
const connected = await Sandbox.connect(fromSnapshot.sandboxId);
await fromImage.kill();

const errors = {};
const expectError = async (name, work) => {
  try {
    await work();
    errors[name] = "no error";
  } catch (error) {
    errors[name] = error.message;
  }
};
await expectError("failed", () => snapshots.create({ name: "f", image: Image.base().runCommands("FAIL_BUILD") }));
await expectError("syntax", () => snapshots.create({ name: "s", image: Image.base().runCommands("echo '") }));
await expectError("taken", () => snapshots.create({ name: "typescript", image }));
await expectError("key", () => new Snapshots({ apiKey: "wrong" }).list());
await expectError("unknown", () => Sandbox.create({ snapshot: "unknown" }));

await snapshots.delete("typescript");
await snapshots.delete("typescript");
await expectError("deleted", () => snapshots.get("typescript"));

console.log(JSON.stringify({
  manifest: image.toJSON(),
  cacheKey: image.cacheKey(),
  created, got, listed, awaited, log, startLog, errors,
  sandboxes: [fromImage, fromSnapshot, fromTemplate, connected].map((each) => [each.sandboxId, each.status]),
  left: await snapshots.list(),
}));
