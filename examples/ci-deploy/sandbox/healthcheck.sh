#!/bin/sh
# Run once when the image is built: an image whose tools are missing never gets its name.
set -eu
for tool in git rg jq; do
  command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }
done
