"""What the editors share on the side of Python: a widget, its page's modules, and what they say to each other."""
