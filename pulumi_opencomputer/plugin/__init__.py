"""The native plugin: the same lifecycle for every language that Pulumi supports.

`provider` translates the engine's requests; `server` serves them over gRPC.
"""
