"""A local OpenComputer API, for tests and first steps: ``pulumi-opencomputer emulator``.

It behaves like the real service, including its pitfalls, and stores its records in SQLite. It only simulates builds:
nothing in a manifest is ever executed.
"""
