// The same program without `pulumi up`, from a program of one's own: node bin/automation.js up|destroy [stack]
import { CommandError, LocalWorkspace, Stack } from "@pulumi/pulumi/automation";

const commands: Record<string, (stack: Stack) => Promise<unknown>> = {
    up: async stack => {
        const { outputs } = await stack.up({ onOutput: console.log });
        console.log(JSON.stringify(Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value]))));
    },
    destroy: stack => stack.destroy({ onOutput: console.log }),
};

async function main([command = "up", stackName = "dev"]: string[]): Promise<void> {
    const stack = await LocalWorkspace.createOrSelectStack(
        { projectName: "opencomputer-typescript", stackName, program: () => import("./index.js") },
        { workDir: process.cwd() },
    );
    await commands[command](stack);
}

main(process.argv.slice(2)).catch(error => {
    // A command that failed has printed why.
    if (!(error instanceof CommandError)) console.error(error);
    process.exitCode = 1;
});
