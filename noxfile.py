# /// script
# dependencies = ["nox>=2025.02.09", "antsibull-nox"]
# ///
"""What other collections do with nox: "nox" runs what needs no libvirt, "nox --list" tells the rest."""

from __future__ import annotations

import sys

import nox

try:
    import antsibull_nox
except ImportError:
    sys.exit("antsibull-nox is not installed where nox is: pip install antsibull-nox")

antsibull_nox.load_antsibull_nox_toml()


def _same_as_make(target: str, default: bool) -> None:
    @nox.session(name=target, python=False, default=default)
    def session(session: nox.Session) -> None:
        session.run("make", target, external=True)

    session.__doc__ = "The same as make %s" % target


for _target, _default in (("lint", True), ("sanity", True), ("unit", True), ("integration", False)):
    _same_as_make(_target, _default)

if __name__ == "__main__":
    nox.main()
