"""The stored index: all that ingestion and the query service share."""
