"""The program that the image carries."""

print("hello from the sandbox")
