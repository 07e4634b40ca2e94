"""``pulumi-opencomputer generate``: a program out of what an account has, and the file that imports it."""
