"""A local OpenComputer API, for tests and first steps: ``python -m pulumi_opencomputer.emulator``.

It answers as the real service does, traps included, keeps its rows in SQLite, and only simulates the
build: nothing that a manifest asks for is ever executed.
"""
