"""What Commerce Layer does by itself when a client writes: one module a concern."""
