"""Imports, exports and cleanups: created at once, carried out record by record after the answer."""
