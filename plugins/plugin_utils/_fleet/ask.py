# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a hypervisor from the controller, by libvirt's own protocol; its kernel is not asked."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import Any

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HostError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import LIBVIRT_ERROR, Libvirt
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.graph import graph_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import LXML_ERROR


class NotRead(Exception):
    """A hypervisor that cannot be read."""


def graph_at(uri: str, timeout: float) -> dict[str, Any]:
    """The graph of the libvirt at a URI.

    libvirt's library waits without end for a host that is silent, so the thread that asks it is left behind then.
    """
    answer: Future[dict[str, Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(_read(uri))
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(timeout)
    except TimeoutError as error:
        raise NotRead("it does not answer within %d seconds" % timeout) from error


def _read(uri: str) -> dict[str, Any]:
    missing = [name for name, error in (("libvirt-python", LIBVIRT_ERROR), ("lxml", LXML_ERROR)) if error]
    if missing:
        raise NotRead("the controller's Python has no %s" % " and no ".join(missing))
    try:
        host = Host(Libvirt(uri), local=False)
        try:
            return dict(graph_of(host.look()))
        finally:
            host.close()
    except (HostError, Invalid) as error:
        raise NotRead(str(error)) from error
