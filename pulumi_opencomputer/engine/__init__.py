"""What a provider's process shares between calls: the session, the engine's log, its threads."""
