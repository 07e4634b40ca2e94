"""Makes what a release publishes, and checks it; nothing here needs an account. ``python -m tools.release --help``."""
