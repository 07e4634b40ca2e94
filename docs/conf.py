"""How Sphinx builds these pages: ``make docs``. It reads nothing from the network, and the pages load nothing."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "pulumi-opencomputer"
author = "The authors of pulumi-opencomputer"
project_copyright = author
version = release = metadata.version("pulumi-opencomputer")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated", "repository_links"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_index.md", "installation-configuration.md", "_extensions"]

# Public names of this package must lead somewhere; others have no pages here.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!pulumi_opencomputer\.([A-Z]|errors|testing)).*")]
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_links_external_new_tab = False
suppress_warnings: list[str] = []
highlight_language = "none"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"pulumi-opencomputer {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style = "friendly"
pygments_dark_style = "native"
