"""`python -m IODeepLib.cli`, for where the command `iodeep` is not on the path."""

from IODeepLib.cli.command import command

command()
