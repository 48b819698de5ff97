"""`python -m IODeepLib.cli`, for where the command `iodeep` is not on the path."""

import sys

from IODeepLib.cli.main import main

sys.exit(main())
