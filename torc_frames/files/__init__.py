"""Tables as files for other programs: CSV, Parquet, Excel; in spreadsheets no text becomes a formula."""
