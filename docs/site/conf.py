# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings. build.py gives it the pages."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

project = "virtnet.libvirt"
copyright = "virtnet.libvirt contributors"
html_title = "virtnet.libvirt"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_enable_extensions = ["linkify"]
myst_linkify_fuzzy_links = False
myst_heading_anchors = 4
default_role = "any"
nitpicky = True

html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# Search reads the index that is loaded as a script. Summaries would be fetched, which a browser refuses of a file.
html_show_search_summary = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ELSEWHERE = {
    "common_return_values": "reference_appendices/common_return_values.html",
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
}
NAMED = re.compile(r"virtnet\.libvirt\.([a-z_]+)")


class Named(SphinxPostTransform):
    """`virtnet.libvirt.NAME` leads to the page of that module, plugin or role."""

    default_priority = 900

    def run(self, **_kwargs: object) -> None:
        pages = {Path(name).name.rsplit("_", 1)[0]: name
                 for name in self.env.found_docs if name.startswith("reference/")}
        for literal in list(self.document.findall(nodes.literal)):
            named = NAMED.fullmatch(literal.astext())
            page = named and pages.get(named[1])
            if page and not isinstance(literal.parent, (nodes.reference, addnodes.pending_xref, nodes.title)):
                link = nodes.reference("", "", internal=True, refuri=self.app.builder.get_relative_uri(
                    self.env.docname, page))
                literal.replace_self(link)
                link += literal


def of_ansible(_app: Sphinx, _env: object, node: addnodes.pending_xref,
               content: nodes.Element) -> nodes.reference | None:
    """What antsibull-docs refers to in Ansible's own documentation."""
    page = ELSEWHERE.get(node["reftarget"])
    if node["reftype"] == "envvar" and node["reftarget"].startswith("ANSIBLE_"):
        page = "%s#envvar-%s" % (ELSEWHERE["ansible_configuration_settings"], node["reftarget"])
    return nodes.reference("", "", content, refuri=ANSIBLE + page) if page else None


def setup(app: Sphinx) -> None:
    app.add_post_transform(Named)
    app.connect("missing-reference", of_ansible)
