"""Side-by-side measurements; each is a command."""
