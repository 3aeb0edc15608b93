# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's numbers for what plans are made of."""

from __future__ import annotations

# commands of virNetworkUpdate
MODIFY, DELETE, ADD_LAST = 1, 2, 3
# which layer a call is about
LIVE, CONFIG = 1, 2
# what virNetworkSetMetadata sets
DESCRIPTION, TITLE, ELEMENT = 0, 1, 2
