"""The plugin, started by Pulumi out of this folder."""

from pulumi_opencomputer.plugin.__main__ import main

main()
