"""The embedded store as collections of documents, as the service of 2023 shows it."""
