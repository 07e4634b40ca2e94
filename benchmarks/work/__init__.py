"""The tasks that are measured in a separate process, by subject.

Each function first does its work on a tiny input, so that everything is imported, then returns the function to measure.
It has its imports inside, so that only the modules of its own side are loaded.
"""
