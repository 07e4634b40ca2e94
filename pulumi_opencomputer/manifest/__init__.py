"""What an image is made of: the builder, its two forms, validation, and local files looked at."""
