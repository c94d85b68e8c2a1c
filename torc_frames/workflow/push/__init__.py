"""From a table into a store: what is to be done, and doing it."""
