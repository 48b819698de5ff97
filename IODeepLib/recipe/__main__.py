"""`python -m IODeepLib.recipe` writes the published JSON Schema to standard output."""

import json
import sys

from IODeepLib.recipe import recipe_schema

sys.stdout.write(json.dumps(recipe_schema(), indent=2) + "\n")
