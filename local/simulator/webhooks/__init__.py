"""Webhooks: what is announced is posted to whoever subscribed to it."""
