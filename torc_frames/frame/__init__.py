"""From JSON to columns and back; knows nothing of stores."""
