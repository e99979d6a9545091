"""Mark the links whose text is their address, for `print.css` writes the address of all others."""

import re

from docutils import nodes


def mark_addresses(app, doctree, docname):
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri", "")
        if address and re.sub("^https://(doi.org/)?", "", address) in link.astext():
            link["classes"].append("address")


def setup(app):
    app.connect("doctree-resolved", mark_addresses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
