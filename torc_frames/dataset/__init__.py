"""Tables of any size on their way into files: types, links, spooled records, Parquet parts."""
