# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that `make docs` has made: no link in it is dead, and it is read and searched in a browser, from files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html
from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parents[2] / ".cache/docs/site"


@pytest.fixture(scope="module")
def pages() -> dict[Path, html.HtmlElement]:
    found = {file: html.parse(file).getroot() for file in SITE.rglob("*.html")}
    assert len(found) > 60, "make docs first"
    return found


def targets(root: html.HtmlElement) -> set[str]:
    return {*root.xpath("//@id"), *root.xpath("//a/@name")}


def test_no_link_is_dead(pages):
    anchors = {file: targets(root) for file, root in pages.items()}
    dead, seen = [], 0
    for file, root in pages.items():
        for link in root.xpath("//a/@href | //img/@src | //link/@href | //script/@src"):
            split = urlsplit(link)
            if split.scheme or split.netloc or link in ("", "#"):
                continue
            seen += 1
            there = (file.parent / unquote(split.path)).resolve() if split.path else file
            if not there.is_file() or (there.suffix == ".html" and split.fragment and file.name != "genindex.html"
                                       and unquote(split.fragment) not in anchors[there]):
                dead.append("%s: %s" % (file.relative_to(SITE), link))
    assert seen > 5000 and dead == []


def test_nobody_complains_in_a_page(pages):
    """As the theme does, in the page itself, of what it does not like."""
    assert [file for file, root in pages.items() if "ERROR: " in root.text_content()] == []


def test_nothing_is_loaded_from_elsewhere(pages):
    loaded = {link for root in pages.values() for link in root.xpath("//img/@src | //link/@href | //script/@src")}
    assert [one for one in loaded if urlsplit(one).netloc] == []


def test_every_module_plugin_and_role_has_a_page():
    root = Path(__file__).resolve().parents[2]
    wanted = {"%s_module" % file.stem for file in root.glob("plugins/modules/*.py")}
    wanted |= {"%s_role" % role.name for role in root.glob("roles/*")}
    for kind in ("filter", "inventory", "lookup", "test"):
        wanted |= {"%s_%s" % (file.stem, kind) for file in root.glob("plugins/%s/*.py" % kind)}
    assert wanted <= {file.stem for file in SITE.glob("reference/*.html")}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[
            "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def page(browser):
    said: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(60_000)  # of a machine with much else to do
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(
        (SITE.as_uri(), "data:")) else None)
    yield page
    page.close()
    assert said == []


@pytest.mark.parametrize(("words", "leads_to"), [
    ("restart always", "Changing a network that runs"), ("docker", "Keep NAT alive"),
    ("reaching the host", "Macvtap"), ("sriov num_vfs", "sriov"),
    ("starts no other network with it", "Troubleshooting"),
])
def test_search_needs_no_server(page, words: str, leads_to: str):
    page.goto((SITE / "index.html").as_uri())
    page.get_by_role("textbox", name="Search").first.fill(words)
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    page.wait_for_function("() => /found/.test(document.querySelector('#search-results').innerText)")
    found = page.locator("#search-results li a").all_inner_texts()
    assert any(leads_to.lower() in one.lower() for one in found[:10]), found


def test_a_page_is_read_and_leads_to_the_reference(page):
    page.goto((SITE / "howto/change-a-network.html").as_uri())
    assert page.locator("article h1").inner_text().startswith("Change a network while guests run")
    page.goto((SITE / "start.html").as_uri())
    page.locator("article").get_by_role("link", name="virtnet.libvirt.interface", exact=True).first.click()
    assert "virtnet.libvirt.interface module" in page.locator("h1").inner_text()
    assert page.locator("nav, .sidebar-tree").first.is_visible()


def test_pictures_are_there(page):
    page.goto((SITE / "index.html").as_uri())
    assert page.locator("article img").first.evaluate("(img) => img.naturalWidth") > 500
