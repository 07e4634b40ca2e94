// Command contenthash reads one manifest a line, as JSON, and prints its content hash: the SHA-256 of what
// encoding/json writes for the struct that it has read the manifest into. For a line that it can't read
// it prints "error".
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

// Step is one step of a manifest; what it holds beside these keys does not count.
type Step struct {
	Type string         `json:"type"`
	Args map[string]any `json:"args"`
}

// Manifest is the part of a manifest that the server hashes.
type Manifest struct {
	Base  string `json:"base"`
	Steps []Step `json:"steps"`
}

func contentHash(text []byte) (string, error) {
	var manifest Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return "", err
	}
	canonical, err := json.Marshal(manifest)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(canonical)), nil
}

func run(in *bufio.Reader, out *bufio.Writer) error {
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		answer, err := contentHash(line)
		if err != nil {
			answer = "error"
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)); err != nil {
		log.Fatal(err)
	}
}
