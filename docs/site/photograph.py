# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""photograph.py REPORT FOLDER: a picture of the report's first page, and one of its first host."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

report, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[
        "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1150, "height": 600})
    page.goto(report.as_uri())
    page.screenshot(path=folder / "report.png")
    # narrow, so that the picture has all of the width, and fine, for its letters are small
    page = browser.new_page(viewport={"width": 950, "height": 690}, device_scale_factor=2)
    page.goto(report.as_uri())
    page.get_by_role("link", name="kvm1", exact=True).click()
    page.wait_for_function("() => window.virtnetPicture && !document.getElementById('page').hidden")
    page.get_by_role("button", name="Whole picture").click()
    page.mouse.move(0, 0)
    page.get_by_role("heading", name="Who is connected to what").evaluate("(one) => one.scrollIntoView()")
    page.wait_for_timeout(2000)  # until it is drawn
    page.screenshot(path=folder / "host.png")
    browser.close()
