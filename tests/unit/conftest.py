"""Settings of the unit tests."""

from hypothesis import settings

from amounts import EXAMPLES, SOAKING

# A busy machine must not fail a test.
settings.register_profile("unit", deadline=None, max_examples=EXAMPLES, derandomize=not SOAKING)
settings.load_profile("unit")
