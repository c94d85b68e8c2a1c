"""Tables of a workflow as Arrow streams and Parquet datasets, in little memory."""
