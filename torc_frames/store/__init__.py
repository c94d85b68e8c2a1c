"""Where records are kept: one protocol, and the stores behind it."""
