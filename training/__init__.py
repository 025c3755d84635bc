"""How the networks that the repository ships were made."""
