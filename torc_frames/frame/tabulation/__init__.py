"""Tables of results: a frame in, a frame or a printed table out."""
