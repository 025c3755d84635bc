"""The writer: documents in, index out."""
