package app;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import com.pulumi.resources.CustomResourceOptions;
import java.util.Map;
import @GROUP@.opencomputer.Image;
import @GROUP@.opencomputer.ImageArgs;
import @GROUP@.opencomputer.OpencomputerFunctions;
import @GROUP@.opencomputer.Snapshot;
import @GROUP@.opencomputer.SnapshotArgs;
import @GROUP@.opencomputer.inputs.DirectoryArgs;
import @GROUP@.opencomputer.inputs.GetSnapshotArgs;
import @GROUP@.opencomputer.inputs.HashManifestArgs;
import @GROUP@.opencomputer.inputs.ManifestArgs;
import @GROUP@.opencomputer.inputs.StepArgs;

/** A program with the SDK as it is published. */
public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    private static void stack(Context ctx) {
        var directory = DirectoryArgs.builder().path("/app").source("./app").ignore("*.log").build();
        var manifest = ManifestArgs.builder()
                .steps(
                        StepArgs.builder().aptInstall("jq").build(),
                        StepArgs.builder().addDir(directory).build(),
                        StepArgs.builder().env(Map.of("GREETING", "hello")).build())
                .build();
        var image = new Image("image", ImageArgs.builder().manifest(manifest).build());
        var daily = new Snapshot(
                "daily",
                SnapshotArgs.builder().name("of-java").manifest(manifest).build(),
                CustomResourceOptions.builder().dependsOn(image).build());
        var hashed = OpencomputerFunctions.hashManifest(HashManifestArgs.builder().manifest(manifest).build());
        var found = OpencomputerFunctions.getSnapshot(GetSnapshotArgs.builder().name(daily.name()).build());
        ctx.export("name", daily.name());
        ctx.export("contentHash", image.contentHash());
        ctx.export("hashed", hashed.applyValue(result -> result.contentHash()));
        ctx.export("status", found.applyValue(result -> result.status()));
    }
}
