"""The hashes of all packages that are installed: pip takes no other file for a pinned version."""
