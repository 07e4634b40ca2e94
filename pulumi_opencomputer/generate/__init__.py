"""``pulumi-opencomputer generate``: write a program that declares an account's snapshots, and its import file."""
