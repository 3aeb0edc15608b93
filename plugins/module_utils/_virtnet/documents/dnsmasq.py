# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that libvirt writes into dnsmasq's files as they are.

In a line of dnsmasq's configuration a comma or a slash parts values, quotes keep one together, and what follows a
blank and '#' is a comment. So a value that has one of these where it is not meant would become another one.
"""

from __future__ import annotations

from ..schema.scalars import string

# in a quoted part a backslash keeps the next character
_QUOTED = r"\"(?:[^\"\\]|\\.)*\""
DNSMASQ_WORD = string("a word without blanks, commas and quotes", r"[^\s,\"]+")
DNSMASQ_NAME = string("a name without blanks, commas, quotes and '/'", r"[^\s,\"/]+")
DNSMASQ_PATH = string("a path without commas, quotes and ' #'", r"(?!#)(?:[^\s,\"]|\s(?!#))+")
DNSMASQ_TEXT = string("text in which quotes come in pairs and no '#' follows a blank outside of them",
                      r"(?!#)(?:%s|[^\s\"]|\s(?!#))*" % _QUOTED)
HOST_NAME = string("a host name without &, <, >, commas, '#' and quotes", r"[^&<>\"'\s,#]+")
