"""How Sphinx makes the site of these pages: `make docs`. Whatever is a warning ends the build."""

from __future__ import annotations

import sys
from pathlib import Path

import IODeepLib

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "extensions"))

project = "IODeep"
author = "the developers of IODeep"
copyright = ""
version = release = IODeepLib.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    # Ours:
    "command_line",
    "examples",
    "outside",
    "plain_docstrings",
    "public_face",
    "view_time",
]
exclude_patterns = ["extensions"]
highlight_language = "text"
# Of names in docstrings, those that are written out to the room must lead somewhere.
nitpicky = True
nitpick_ignore_regex = [("py:(class|data)", ".*"), ("py:.*", r"(?!IODeepLib\.).*")]

# Links between headings are written as GitHub makes their names.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "colon_fence"]

default_role = "py:obj"  # of docstrings, see plain_docstrings
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
napoleon_custom_sections = [("Attributes", "params_style")]  # a list, as arguments have

python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "IODeep"
html_logo = html_favicon = "../IODeep.png"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_sidebars = {"examples": []}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["sphinx-version"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "use_edit_page_button": False,
}
