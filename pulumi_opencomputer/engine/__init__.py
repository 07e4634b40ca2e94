"""What a provider's process keeps between calls: the session, the engine's log, its threads."""
