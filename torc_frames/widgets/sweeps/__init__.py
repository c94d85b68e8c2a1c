"""The builder of parameter tables."""
