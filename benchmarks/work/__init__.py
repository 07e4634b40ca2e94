"""What is measured in a process of its own, by subject.

Each function does its work once on next to nothing, so that its imports are behind it, and returns what is to be
measured then. It imports its own side alone, inside of itself.
"""
