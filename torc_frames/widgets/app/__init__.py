"""What the editors share in Python: a widget, its modules, its messages."""
