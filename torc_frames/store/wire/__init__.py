"""Between JSON on the wire and records: pure codecs, no I/O."""
