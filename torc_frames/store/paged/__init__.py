"""What the stores on servers have in common: lists that are read page by page."""
