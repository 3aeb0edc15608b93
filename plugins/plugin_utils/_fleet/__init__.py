# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet at a glance, on the controller: one model (``model``) of what modules returned, and the shapes of it.

All of it is pure. Private, as the underscore says; the filters ``fleet``, ``fleet_as`` and ``graph_as`` are the doors.
"""
