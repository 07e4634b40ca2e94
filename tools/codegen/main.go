// Command codegen checks a Pulumi package schema as the engine does, and generates the SDKs of Node.js, Python and Go
// from it: codegen SCHEMA VERSION FOLDER writes FOLDER/nodejs, FOLDER/python and FOLDER/go, as `pulumi package add` would.
// It prints the findings of the check, one per line, and fails if one of them is an error.
//
// It has no go.mod: it is compiled in the module of tools/pulumi/engine, so that it shares its compiled packages.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

const tool = "pulumi-opencomputer"

// Each generator changes its package, so each gets its own.
var generators = map[string]func(*schema.Package) (map[string][]byte, error){
	"nodejs": func(pkg *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, pkg, nil, nil, true, nil)
	},
	"python": func(pkg *schema.Package) (map[string][]byte, error) {
		return python.GeneratePackage(tool, pkg, nil, nil)
	},
	"go": func(pkg *schema.Package) (map[string][]byte, error) {
		return golang.GeneratePackage(tool, pkg, nil)
	},
}

// bind validates a schema against Pulumi's meta-schema and resolves its references.
func bind(text []byte, version string) (*schema.Package, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	// `pulumi package add` overrides both.
	spec.Meta = &schema.MetadataSpec{SupportPack: true}
	spec.Version = version
	pkg, findings, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	for _, finding := range findings {
		fmt.Println(finding.Error())
	}
	if err == nil && findings.HasErrors() {
		err = errors.New("the schema has errors")
	}
	return pkg, err
}

func write(folder string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func run(schemaPath, version, folder string) error {
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		return err
	}
	for language, generate := range generators {
		pkg, err := bind(text, version)
		if err != nil {
			return err
		}
		files, err := generate(pkg)
		if err != nil {
			return fmt.Errorf("%s: %w", language, err)
		}
		if err := write(filepath.Join(folder, language), files); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: codegen SCHEMA VERSION FOLDER")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}
