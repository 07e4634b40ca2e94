"""A local OpenComputer API, for tests and first steps: ``pulumi-opencomputer emulator``.

It answers as the real service does, traps included, keeps its rows in SQLite, and only simulates the
build: nothing that a manifest asks for is ever executed.
"""
