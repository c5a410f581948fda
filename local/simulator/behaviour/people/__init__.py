"""Customers: who they are, and their wish to be forgotten."""
