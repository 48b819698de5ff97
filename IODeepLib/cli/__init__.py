"""The command `iodeep`: `main` reads the call; every verb has a file of its own."""
