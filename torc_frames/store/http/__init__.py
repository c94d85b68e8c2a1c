"""One server over HTTP: connections, retries, and what goes wrong as errors of ours."""
