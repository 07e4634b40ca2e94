"""The HTTP API: requests, responses, and build streams."""
