// A program with the SDK as it is published, run by the Automation API, which needs no language host.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"MODULE/opencomputer"
)

func program(ctx *pulumi.Context) error {
	manifest := opencomputer.ManifestArgs{
		Steps: opencomputer.StepArray{
			opencomputer.StepArgs{AptInstall: pulumi.ToStringArray([]string{"jq"})},
			opencomputer.StepArgs{AddDir: opencomputer.DirectoryArgs{
				Path:   pulumi.String("/app"),
				Source: pulumi.String("./app"),
				Ignore: pulumi.ToStringArray([]string{"*.log"}),
			}},
			opencomputer.StepArgs{Env: pulumi.StringMap{"GREETING": pulumi.String("hello")}},
		},
	}
	image, err := opencomputer.NewImage(ctx, "image", &opencomputer.ImageArgs{Manifest: manifest})
	if err != nil {
		return err
	}
	daily, err := opencomputer.NewSnapshot(ctx, "daily", &opencomputer.SnapshotArgs{
		Name:     pulumi.String("of-go"),
		Manifest: manifest,
	}, pulumi.DependsOn([]pulumi.Resource{image}))
	if err != nil {
		return err
	}
	hashed := opencomputer.HashManifestOutput(ctx, opencomputer.HashManifestOutputArgs{Manifest: manifest})
	found := opencomputer.LookupSnapshotOutput(ctx, opencomputer.LookupSnapshotOutputArgs{Name: daily.Name})
	ctx.Export("name", daily.Name)
	ctx.Export("contentHash", image.ContentHash)
	ctx.Export("hashed", hashed.ContentHash())
	ctx.Export("status", found.Status())
	return nil
}

func run(command string) error {
	ctx := context.Background()
	stack, err := auto.UpsertStackInlineSource(ctx, "dev", "pytest", program, auto.WorkDir("."))
	if err != nil {
		return err
	}
	if command != "up" {
		_, err = stack.Destroy(ctx, optdestroy.ProgressStreams(os.Stderr))
		return err
	}
	done, err := stack.Up(ctx, optup.ProgressStreams(os.Stderr))
	if err != nil {
		return err
	}
	outputs := map[string]any{}
	for name, output := range done.Outputs {
		outputs[name] = output.Value
	}
	return json.NewEncoder(os.Stdout).Encode(outputs)
}

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
