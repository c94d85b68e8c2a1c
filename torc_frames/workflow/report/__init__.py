"""A workflow as one file to hand over: what was asked, what came out, how it was run."""
