"""Builds and checks what a release publishes. Nothing here needs an account. See ``python -m tools.release --help``."""
