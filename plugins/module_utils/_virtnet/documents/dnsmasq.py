# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that libvirt writes into dnsmasq's files as they are.

In a line of dnsmasq's configuration a comma or a slash parts values, quotes keep one together, and what follows a
blank and '#' is a comment. So a value that has one of these where it is not meant would become another one.

dnsmasq reads 1024 bytes of a line, and takes what follows for the next line. So values have lengths with which no line
that libvirt makes of them is longer.
"""

from __future__ import annotations

from ..schema.scalars import string

# in a quoted part a backslash keeps the next character
_QUOTED = r"\"(?:[^\"\\]|\\.)*\""
_LABELS = r"[A-Za-z0-9_.-]+"
DNSMASQ_WORD = string("a word of at most 255 ASCII letters and signs without commas and quotes", r"[!#-+\--~]+",
                      longest=255)
DNSMASQ_SERVICE = string("a name of at most 62 letters, digits, '-', '_' and '.'", _LABELS, longest=62)
DNSMASQ_HOST = string("a DNS name of at most 255 letters, digits, '-', '_' and '.'", _LABELS, longest=255)
DNSMASQ_NAME = string("a name of at most 255 ASCII letters and signs without commas, quotes and '/'",
                      r"[!#-+\-.0-~]+", longest=255)
DNSMASQ_PATH = string("a path of at most 900 bytes without commas, quotes and ' #'",
                      r"(?!#)(?:[^\s,\"]|\s(?!#))+", longest=900)
DNSMASQ_TEXT = string("text of at most 700 bytes in which quotes come in pairs and no '#' follows a blank outside of"
                      " them", r"(?!#)(?:%s|[^\s\"]|\s(?!#))*" % _QUOTED, longest=700)
DNSMASQ_LINE = string("one line of at most 1023 bytes", r".+", longest=1023)
HOST_NAME = string("a host name of at most 255 bytes without &, <, >, commas, '#' and quotes", r"[^&<>\"'\s,#]+",
                   longest=255)
# beside an address, dnsmasq takes these for a lease time, a tag, another address or an order to ignore the client
DHCP_NAME = string("a host name of at most 255 letters, digits, '-', '_' and '.', which begins with a letter or digit"
                   " and is no number, address, ignore or infinite",
                   r"(?!(?:ignore|infinite|[0-9]+[smhdw]?|[0-9.]+)\Z)[A-Za-z0-9][A-Za-z0-9_.-]*", longest=255)
