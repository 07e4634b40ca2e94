"""The native plugin: the same lifecycle for every language that Pulumi has.

`provider` translates the engine's requests, `serving` puts them on a gRPC server.
"""
