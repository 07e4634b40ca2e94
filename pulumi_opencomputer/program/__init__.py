"""The API for Python programs: resources, their inputs and outputs, and lookup functions."""
