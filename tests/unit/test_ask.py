# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hypervisor that is read from the controller."""

from __future__ import annotations

import time
from threading import Event

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HostError
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet import ask


def test_one_that_falls_silent_while_it_is_read_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ask, "Libvirt", lambda _uri: Event().wait(30))
    since = time.monotonic()
    with pytest.raises(ask.NotRead, match=r"^it does not answer within 0 seconds$"):
        ask.graph_at("qemu+ssh://kvm1/system", 0.1)
    assert time.monotonic() - since < 10


def test_one_that_refuses_says_why(monkeypatch: pytest.MonkeyPatch):
    def refuse(_uri: str) -> None:
        raise HostError("no")

    monkeypatch.setattr(ask, "Libvirt", refuse)
    with pytest.raises(ask.NotRead, match=r"^no$"):
        ask.graph_at("qemu+ssh://kvm1/system", 10)
