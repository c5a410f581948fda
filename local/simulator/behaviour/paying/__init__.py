"""Payments: transactions, their balances, and the pretended gateway."""
