"""The form of one record."""
