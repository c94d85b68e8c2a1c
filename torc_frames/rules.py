"""What values of a column are allowed."""
