"""What a Python program imports: the resources, their inputs and outputs, and look-up functions."""
