"""Orders: their life, what they hold, what it costs."""
