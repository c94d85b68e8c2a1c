"""From a store into frames and streams, verified."""
