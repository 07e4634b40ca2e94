"""The HTTP API: requests, answers, and build streams."""
