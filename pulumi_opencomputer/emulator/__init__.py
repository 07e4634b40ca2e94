"""A local OpenComputer API, for tests and first steps: ``pulumi-opencomputer emulator``.

It answers as the real service does, traps included, keeps its records in SQLite, and only simulates builds: nothing
that a manifest asks for is ever executed.
"""
