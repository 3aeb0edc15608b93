# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser, from a file, as a person has it from a mail."""

from __future__ import annotations

import time

import pytest
from pace import slower
from unit.fleets import HOSTILE, differs, graph_with, host

from ansible_collections.virtnet.libvirt.plugins.filter.fleet import fleet
from ansible_collections.virtnet.libvirt.plugins.filter.fleet_as import fleet_as

TIME = "2026-11-27T08:30:00+00:00"
PLACE = """([id]) => { const at = virtnetPicture.getElementById(id).renderedPosition(),
  box = document.getElementById('picture').getBoundingClientRect(); return [box.x + at.x, box.y + at.y]; }"""
SHOWN = "() => virtnetPicture.nodes(':visible').map((node) => node.data('kind'))"


class Report:
    """A report that is open, and all that the browser complains of or asks others for."""

    def __init__(self, page, path):
        self.page, self.path, self.said = page, path, []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.said.append(request.url) if not request.url.startswith(
            (path.as_uri(), "blob:", "data:", "about:")) else None)

    def open(self, anchor=""):
        self.page.goto(self.path.as_uri() + anchor, wait_until="load")
        return self.page

    def host(self, name):
        self.page.locator("#fleet tr[data-state]").get_by_role("link", name=name, exact=True).click()
        self.page.wait_for_function("() => window.virtnetPicture && !document.getElementById('page').hidden")
        return self.page


@pytest.fixture
def report(browser, tmp_path):
    contexts = []

    def written(hosts, **options):
        path = tmp_path / "report.html"
        path.write_text(fleet_as(fleet(hosts, TIME), "html"), encoding="utf-8")
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(60_000)  # of a machine with much else to do
        made.append(Report(contexts[-1].new_page(), path))
        return made[-1]

    made: list[Report] = []
    yield written
    for context in contexts:
        context.close()
    assert [one.said for one in made] == [[]] * len(made)


def usual():
    return [host("kvm1", graph=graph_with(["web", "db"])), host("kvm2", [differs()], graph_with(["mail"], 1)),
            host("kvm3", [differs(waits=True)], graph_with([])),
            {"name": "kvm4", "read": {"unreachable": True, "msg": "no route to host"}, "stated": {"networks": [{}]}}]


def test_the_fleet_says_how_each_host_is_and_what_is_across(report):
    page = report(usual()).open()
    row = page.get_by_role("row", name="kvm2").first
    assert "drifted" in row.inner_text() and TIME[:10] in row.inner_text()
    assert "no route to host" in page.get_by_role("row", name="kvm4").first.inner_text()
    page.get_by_label("Search").fill("kvm3")
    assert page.locator("#fleet tbody tr[data-state]:visible").count() == 1
    for text in ("MAIL", "52:54:00:01:00:00", "10.0.0.0/16"):  # a guest, its MAC and its address
        page.get_by_label("Search").fill(text)
        shown = page.locator("#fleet tbody tr[data-state]:visible").all_inner_texts()
        assert "kvm2" in " ".join(shown) and not any(row.startswith(("kvm3", "kvm4")) for row in shown)
    page.get_by_label("Search").fill("")
    page.get_by_label("State").select_option("drifted")
    assert page.locator("#fleet tbody tr[data-state]:visible").all_inner_texts()[0].startswith("kvm2")


def test_a_search_says_what_it_found_and_hides_other_findings(report):
    tagged, other = graph_with(["web", "db"]), graph_with(["mail"], 1)
    for seen, vlan in ((tagged, 20), (other, 200)):
        next(edge for edge in seen["edges"] if edge["kind"] == "connects")["vlan"] = {"tags": [{"id": vlan}]}
    other["host"]["libvirt"] = "11.3.0"
    page = report([host("kvm1", graph=tagged), host("kvm2", graph=other)]).open()
    hits = page.locator("#fleet .hits li:visible")
    page.get_by_label("Search").fill("vlan 20")
    assert hits.all_inner_texts() == [
        "guest web: 52:54:00:00:00:00, 10.0.0.0/16, network lab, VLAN 20, filter strict"]
    assert page.locator("#found-hosts").inner_text() == "1 host, 0 findings across hosts"
    page.get_by_label("Search").fill("strict")
    assert [text[:9] for text in hits.all_inner_texts()] == ["guest web", "guest db:", "guest mai"]
    page.get_by_label("Search").fill("11.3")
    assert page.locator("#findings tbody tr:visible").count() == 1
    page.get_by_label("Search").fill("")
    assert hits.count() == 0 and page.locator("#fleet tr[data-state]:visible").count() == 2
    page.locator("#findings summary").first.click()
    page.locator("#findings details[open]").get_by_role("link", name="kvm2").click()
    page.wait_for_function("() => document.querySelector('#page h2')?.innerText.includes('kvm2')")


def test_who_is_read_aloud_to_hears_by_what_a_guest_leaves(report):
    seen = graph_with(["web"])
    for one in seen["nodes"]:
        one.update({"mtu": 9000} if one["kind"] == "bridge" else {"mode": "bridge"} if one["kind"] == "network" else {})
    routed = graph_with(["db"], 1)
    one = report([host("kvm1", graph=seen), host("kvm2", graph=routed)])
    for name, way in (("kvm1", "lab0 → ens1"), ("kvm2", "lab0 → ens1 → routes of the host")):
        one.open()
        page = one.host(name)
        table = page.get_by_role("table", name="All that the picture shows of guests, as text")
        assert table.locator("td").nth(3).inner_text() == way
    one.open()
    assert "9000" in one.host("kvm1").get_by_role("table", name="All networks").locator("td").all_inner_texts()


def test_what_is_not_there_is_told_by_its_steps(report):
    gone = {"kind": "network", "name": "lab", "changed": True, "steps": ["define network lab"], "drift": []}
    one = report([host("kvm1", [gone])])
    one.open()
    page = one.host("kvm1")
    said = page.locator("section.object").inner_text()
    assert "Applying would: define network lab" in said and "not so" not in said
    assert page.locator("section.object table").count() == 0


def test_names_of_any_length_do_not_break_what_is_short(report):
    one = report([host("kvm1", graph=graph_with(["x" * 200]))])
    one.open()
    page = one.host("kvm1")
    lines = page.locator("table button").evaluate_all("(all) => all.map((one) => one.clientHeight)")
    assert max(lines) < 40, lines


def test_networks_say_who_uses_them_and_whether_a_boot_starts_them(report):
    seen = graph_with(["web", "db"])
    network = next(node for node in seen["nodes"] if node["kind"] == "network")
    network.update(layers=["config", "live", "boot"], mode="nat", vlan={"tags": [{"id": 20}]}, subnets=["10.0.0.1/24"],
                   qos={"inbound": {"average": 1000}})
    seen["nodes"].append({"id": "bridge/virbr7", "kind": "bridge", "name": "virbr7", "state": "up", "layers": []})
    seen["edges"].append({"kind": "uses", "from": network["id"], "to": "bridge/virbr7", "layers": ["live"],
                          "vlan": network["vlan"]})
    one = report([host("kvm1", graph=seen), *usual()[1:]])
    for text in ("VLAN 20", "virbr7"):
        page = one.open()
        page.get_by_label("Search").fill(text)
        assert page.locator("#fleet tbody tr[data-state]:visible").all_inner_texts()[0].startswith("kvm1")
        assert page.locator("#fleet tbody tr[data-state]:visible").count() == 1
    page = one.host("kvm1")
    cells = page.locator("table", has_text="All networks of the host").locator("tbody tr").first.inner_text()
    assert cells.split("\t") == ["lab", "active", "starts", "nat", "lab0 → ens1, virbr7", "10.0.0.1/24", "", "20",
                                 "inbound 1000 kB/s", "db, web"]


def test_a_host_that_differs_says_in_what(report):
    assert "network lab" in report(usual()).open().get_by_role("row", name="kvm2").first.inner_text()


def test_what_is_short_stays_in_one_line(report):
    page = report(usual()).open()
    heights = page.evaluate("() => [...document.querySelectorAll('#fleet tbody tr[data-state]')].map((row) => "
                            "row.clientHeight)")
    assert max(heights) < 60, heights  # one line, or two where there is a problem


def test_a_host_shows_what_differs_beside_what_is_stated(report):
    one = report(usual())
    one.open()
    page = one.host("kvm2")
    cells = page.locator("section.object tbody td").all_inner_texts()
    assert cells[:4] == ["mtu.size", "config", "1500", "9000"]
    assert "size: 9000" in page.locator("section.object pre").inner_text()
    assert "size: 9000" in page.get_by_label("Stated YAML").inner_text()
    page.get_by_role("link", name="all hosts").click()
    one.host("kvm3")
    assert "waits for a restart" in page.locator("section.object").inner_text()


def test_the_picture_is_searched_clicked_zoomed_moved_and_hidden(report):
    one = report(usual())
    one.open()
    page = one.host("kvm1")
    assert set(page.evaluate(SHOWN)) == {"guest", "interface", "network", "bridge", "uplink"}
    page.get_by_label("Search").last.fill("db")
    assert "found" in page.locator("#found-nodes").inner_text()
    assert page.evaluate("() => virtnetPicture.nodes('.found').map((node) => node.data('name')).includes('db')")
    page.mouse.click(*page.evaluate(PLACE, ["guest/db"]))
    page.wait_for_function("() => document.getElementById('details').innerText.includes('guest db')")
    page.locator("#details").get_by_role("button", name="interface").click()
    assert "10.0.0.1/16" in page.locator("#details").inner_text()
    level = page.evaluate("() => virtnetPicture.zoom()")
    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate("() => virtnetPicture.zoom()") > level
    box = page.locator("#picture").bounding_box()
    before = page.evaluate("() => virtnetPicture.pan()")
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=5)
    page.mouse.up()
    assert page.evaluate("() => virtnetPicture.pan()") != before
    page.locator("[data-hides=guest]").uncheck()
    page.locator("[data-hides=filter]").check()
    assert set(page.evaluate(SHOWN)) == {"filter", "interface", "network", "bridge", "uplink"}
    page.locator("[data-hides=config]").uncheck()
    page.locator("[data-hides=live]").uncheck()
    assert page.evaluate(SHOWN) == []


def test_by_keyboard_alone(report):
    page = report(usual()).open()
    page.get_by_role("link", name="kvm1", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.virtnetPicture")
    assert page.evaluate("() => document.activeElement.tagName") == "H2"
    page.locator("#picture").focus()
    level, pan = page.evaluate("() => [virtnetPicture.zoom(), virtnetPicture.pan().x]")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("() => virtnetPicture.zoom()") > level
    assert page.evaluate("() => virtnetPicture.pan().x") != pan
    page.keyboard.press("n")
    first = page.locator("#details h3").inner_text()
    page.keyboard.press("n")
    assert page.locator("#details h3").inner_text() != first
    unnamed = page.evaluate("() => [...document.querySelectorAll('input, button, select')].filter((one) => "
                            "!(one.labels && one.labels.length) && !one.textContent.trim()).length")
    assert unnamed == 0
    assert page.get_by_role("table", name="All that the picture shows of guests, as text").get_by_role(
        "row").count() == 3


def test_dark_and_on_paper(report):
    one = report(usual(), color_scheme="dark")
    dark = one.open()
    colours = dark.evaluate("() => { const found = getComputedStyle(document.body); return [found.color, "
                            "found.backgroundColor]; }")
    assert colours == ["rgb(232, 234, 237)", "rgb(21, 24, 28)"]
    dark.emulate_media(media="print")
    assert dark.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not dark.get_by_label("Search").first.is_visible()
    assert dark.locator("td.state.drifted").first.evaluate("(one) => getComputedStyle(one).color") == "rgb(163, 32, 32)"
    dark.emulate_media(media="screen")
    one.host("kvm1")
    text = "() => virtnetPicture.nodes()[0].style('color')"
    assert dark.evaluate(text) == "rgb(232,234,237)"
    dark.emulate_media(color_scheme="light")
    dark.wait_for_function("() => virtnetPicture.nodes()[0].style('color') === 'rgb(17,17,17)'")
    assert dark.pdf()[:4] == b"%PDF"


def test_an_a4_page_has_room_for_what_is_told(report):
    hosts = usual()
    hosts[3]["read"]["msg"] = "no route to host, " * 20
    hosts[1]["read"]["graph"]["host"]["libvirt"] = "11.3.0"
    page = report(hosts, viewport={"width": 794, "height": 1123}).open()
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    wide = page.locator("#hosts td:last-child").evaluate_all("(all) => all.map((one) => one.clientWidth)")
    assert min(wide) > 200, wide
    assert page.locator("#findings details li").first.is_visible()  # nothing stays folded on paper
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_names_that_want_to_be_more(report):
    one = report([host(name, [differs(name, current=name)], graph_with([name], number))
                  for number, name in enumerate(HOSTILE)])
    page = one.open()
    for number, name in enumerate(HOSTILE):
        page.goto(one.path.as_uri() + "#host-%d" % number)
        page.wait_for_function("(name) => document.querySelector('#page h2 bdi')?.textContent === name", arg=name)
        assert page.locator("section.object h3 bdi").first.text_content() == name
        page.evaluate("(id) => { virtnetPicture.getElementById(id).select(); }", "guest/" + name)
        assert name in page.locator("#details h3").text_content()
    assert page.title() == "Networking of %d hosts" % len(HOSTILE)
    assert page.locator("img, iframe, object").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_two_hundred_hosts_and_ten_thousand_guests(report):
    one = report([host("kvm%d" % number, [differs()], graph_with(
        ["guest-%d-%d" % (number, index) for index in range(50)], number)) for number in range(200)])
    assert one.path.stat().st_size < 10_000_000
    opened, shown = [], []
    for _try in range(3):  # what takes longest of a busy machine is to wait for it
        start = time.monotonic()
        page = one.open()
        assert page.locator("#fleet tbody tr[data-state]").count() == 200
        opened.append(time.monotonic() - start)
        start = time.monotonic()
        one.host("kvm150")
        shown.append(time.monotonic() - start)
        page.goto("about:blank")
    assert max(min(opened), min(shown)) < 3 * slower(), (opened, shown)
