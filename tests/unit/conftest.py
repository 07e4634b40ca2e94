"""Settings of the unit tests."""

from hypothesis import settings

# A busy machine must not fail a test.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
