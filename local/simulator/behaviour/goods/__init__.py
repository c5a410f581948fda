"""Goods: stock, shipments, parcels, transfers, returns."""
