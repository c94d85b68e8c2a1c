"""Torc's service of 2023, in both its forms."""
