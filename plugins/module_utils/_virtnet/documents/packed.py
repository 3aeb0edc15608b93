# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document on its way from the controller to the host, as text without line breaks."""

from __future__ import annotations

import base64
import json
import zlib

from ..schema.errors import Invalid
from ..schema.options import Options

LARGEST = 256 * 1024 * 1024  # bytes that a document may become


def pack(document: Options) -> str:
    return base64.b64encode(zlib.compress(json.dumps(document).encode(), 1)).decode()


def unpack(text: str) -> Options:
    """The document that was packed; raises Invalid."""
    try:
        packed = zlib.decompressobj()
        document = json.loads(packed.decompress(base64.b64decode(text, validate=True), LARGEST))
    except (ValueError, zlib.error, RecursionError) as error:
        raise Invalid("packed", "is not what the action plugin makes of src") from error
    if not isinstance(document, dict):
        raise Invalid("src", "must have a dictionary of lists")
    return document
