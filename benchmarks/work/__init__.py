"""The tasks that are measured in a separate process, by subject.

Each function first does its work once on a tiny input, so that all imports are done, then returns the function to
measure. It imports inside its body, so that only its own side's modules are loaded.
"""
