"""Tables as grids: what is shown, and the grid that shows it."""
