"""Every page in a real browser: of a campaign that runs, one that has ended, one that is broken.

The pages are those that the site's map of addresses has, whoever adds them: a page with a new kind
of argument says in tests/web/addresses.py what stands for it.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from al_loop.loop.context import Context
from al_loop.store import Event, Store
from al_loop.web.site import open_site
from al_loop.web.users import Users, WebRole
from tests.glasses import put_silica, take_away
from tests.web.addresses import addresses
from tests.web.conftest import signed_in
from tests.web.states import BROKEN, ENDED, HOSTILE_NAME, RUNNING
from tests.web.test_fireworks_site import add_workflow

pytestmark = pytest.mark.engine

CHROMIUM = shutil.which("chromium")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@dataclass
class Window:
    """A browser, and people who have signed in to the site with it."""

    chromium: Browser
    site: Flask
    users: Users
    here: str
    complaints: list[str] = field(default_factory=list)
    """Errors of the console, and requests to other hosts."""
    passwords: dict[WebRole, str] = field(default_factory=dict)
    sessions: dict[WebRole, Any] = field(default_factory=dict)
    open_pages: dict[WebRole, Page] = field(default_factory=dict)
    looked_at: set[object] = field(default_factory=set)
    """Kinds of pages that axe-core has seen."""

    def visit(self, path: str, *, role: WebRole = "read", **options: Any) -> Page:
        """A page, as somebody with this role sees it."""
        if role not in self.sessions:
            self._sign_in(role)
        options = {"viewport": DESK, **options}
        context = self.chromium.new_context(storage_state=self.sessions[role], **options)
        page = context.new_page()
        page.on("console", lambda m: self._hear(page, m.text))
        page.on("pageerror", lambda e: self.complaints.append(f"{page.url}: {e}"))
        page.on("request", lambda r: self._watch(r.url))
        page.goto(self.here + path)
        return page

    def turn_to(self, path: str, *, role: WebRole = "read") -> Page:
        """The same in the page that was last turned to: what it has of scripts and styles stays."""
        page = self.open_pages.get(role)
        if page is None:
            page = self.open_pages[role] = self.visit(path, role=role)
            return page
        page.set_viewport_size(DESK)
        page.emulate_media(color_scheme="light")
        page.goto(self.here + path)
        return page

    def _hear(self, page: Page, text: str) -> None:
        # a graphics driver without a card finds it slow that its picture is read
        if "ReadPixels" not in text:
            self.complaints.append(f"{page.url}: {text}")

    def _watch(self, url: str) -> None:
        if not url.startswith((f"{self.here}/", "data:")):
            self.complaints.append(f"a request to {url}")

    def _sign_in(self, role: WebRole) -> None:
        name = f"who-may-{role}"
        password = self.users.add(name, role=role)
        page = self.chromium.new_page()
        page.on("request", lambda r: self._watch(r.url))
        page.goto(f"{self.here}/campaigns/")
        assert faults(page) == []
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")
        self.sessions[role] = page.context.storage_state()
        page.context.close()


@pytest.fixture(scope="module")
def open_window(states: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: tests/system-packages")
    users = Users(tmp_path_factory.mktemp("people") / "users.json")
    users.add("nobody", role="read")
    with open_site(states.connection, users) as site:
        add_workflow(site)
        server = make_server("127.0.0.1", 0, site, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                yield Window(chromium, site, users, f"http://127.0.0.1:{server.port}")
                chromium.close()
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def window(open_window: Window) -> Iterator[Window]:
    """Insists, afterwards, on no error in the console and no request to another host."""
    open_window.complaints.clear()
    open_window.open_pages.clear()
    yield open_window
    for context in open_window.chromium.contexts:
        context.close()
    assert open_window.complaints == []


def faults(page: Page, **options: Any) -> list[str]:
    """What axe-core finds in a page as it is."""
    options = options or {"runOnly": {"type": "tag", "values": RULES}}
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]
    ]


def kind(site: Flask, path: str, text: str) -> object:
    """What axe-core finds nothing new in: the same address of the site, with elements alike."""
    (endpoint, _) = site.url_map.bind("here").match(path.partition("?")[0])
    return endpoint, frozenset(re.findall(r'<(\w+)(?:[^>]*? class="([^"]*)")?', text))


def check(page: Page, *, thoroughly: bool) -> None:
    """A page that can be read by everybody, in both themes, and on a phone."""
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    if (charts := page.locator("#charts:visible")).count():
        expect(charts.locator(".chart").first.locator("canvas, .none").first).to_be_visible()
    if thoroughly:
        assert faults(page) == []
        page.emulate_media(color_scheme="dark")
        assert faults(page, **CONTRAST) == []
    page.set_viewport_size(PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"{page.url}: a phone has to scroll sideways"


def check_each(window: Window, paths: list[str], *, role: WebRole, codes: set[int]) -> int:
    """Check the pages among these addresses, of which each answers with one of ``codes``."""
    client = signed_in(window.site, window.users, "counts", role=role)
    pages = 0
    for path in paths:
        answer = client.get(path)
        if answer.mimetype == "text/html":
            assert answer.status_code in codes, path
        if answer.mimetype == "text/html" and answer.status_code == 200:
            this = kind(window.site, path, answer.text)
            check(window.turn_to(path, role=role), thoroughly=this not in window.looked_at)
            window.looked_at.add(this)
            pages += 1
    return pages


@pytest.mark.parametrize("name", [RUNNING, ENDED, BROKEN, HOSTILE_NAME])
def test_each_page_of_a_campaign(window: Window, states: Store, name: str) -> None:
    paths = addresses(window.site, states, campaign=name)
    # A broken one may not have come so far, or cannot be read.
    codes = {200} if name in (RUNNING, ENDED) else {200, 404, 409}
    pages = check_each(window, paths, role="work", codes=codes)
    assert pages >= (1 if name == HOSTILE_NAME else 2)


def test_each_page_of_fireworks_and_the_list(window: Window, states: Store) -> None:
    paths = addresses(window.site, states, campaign=None)
    assert check_each(window, paths, role="read", codes={200, 302, 404}) >= 9


def test_a_number_changes_while_the_page_is_open(window: Window, states: Store) -> None:
    page = window.visit(f"/campaigns/{RUNNING}/")
    now = page.locator(".stages li.now")
    latest = states.iterations.latest(RUNNING)
    assert latest is not None
    total = states.jobs.count(RUNNING, latest.index, latest.stage)
    due = states.jobs.due(RUNNING, latest.index, latest.stage)
    expect(now).to_contain_text(f"{total - len(due)} of {total} jobs")
    when = states.clock()
    states.jobs.mark_done(due[0].id, spans=(), started=when, ended=when, host="elsewhere")
    try:
        expect(now).to_contain_text(f"{total - len(due) + 1} of {total} jobs", timeout=30_000)
    finally:
        states.jobs.reopen(due[0].id)


def test_who_works_pauses_it_and_who_looks_sees_that_and_is_refused(
    window: Window, states: Store
) -> None:
    looks = window.visit(f"/campaigns/{RUNNING}/")
    works = window.visit(f"/campaigns/{RUNNING}/", role="work")
    expect(looks.get_by_role("button")).to_have_text(["Sign out"])
    try:
        works.get_by_role("button", name="Pause").click()
        expect(works.get_by_role("status").first).to_contain_text("paused")
        expect(works.get_by_role("button", name="Resume")).to_be_visible()
        expect(looks.locator("h1 .state")).to_have_text("paused", timeout=30_000)
        expect(looks.locator(".events").first).to_contain_text("paused by who-may-work")
        assert posted(looks, "resume") == 403
        assert states.campaigns.state(RUNNING) == "paused"
    finally:
        states.campaigns.set_state(RUNNING, "running", "")
    forget_refusals(window)


def posted(page: Page, path: str, **form: str) -> int:
    """The answer's status to a form that the page itself may not have."""
    code = """async ([path, form]) => (await fetch(path, {method: 'POST', body: new URLSearchParams(
      {...form, csrf: document.querySelector('[name=csrf]').value})})).status"""
    return int(page.evaluate(code, [path, form]))


def forget_refusals(window: Window) -> None:
    """Chromium itself notes those that were asked for."""
    assert all("403" in text for text in window.complaints)
    window.complaints.clear()


@pytest.fixture
def put_back(states: Store) -> Iterator[None]:
    """What a test changes in campaigns, their jobs and labels is afterwards as it was."""
    names = ("campaigns", "iterations", "jobs", "labels")
    before = {name: list(states.database[name].find()) for name in names}
    yield
    for name, documents in before.items():
        states.database[name].delete_many({})
        states.database[name].insert_many(documents)


def test_who_works_amends_runs_again_and_judges_and_who_looks_is_refused(
    window: Window, states: Store, put_back: None
) -> None:
    states.campaigns.set_state(RUNNING, "paused", "so that nothing else happens")
    ctx, here = Context(states, RUNNING), f"/campaigns/{RUNNING}/"
    (job,) = states.jobs.quarantined(RUNNING)
    labels = ctx.labels_of(states.selections.hashes(RUNNING))
    frame = min(hash_ for hash_, label in labels.items() if label.state == "ok")
    pages = here, f"{here}frames/{frame}/", f"{here}labels/"

    looks, before = window.visit(here), states.campaigns.get(RUNNING)
    assert posted(looks, f"{here}trust", lower="0.2", upper="0.5") == 403
    assert posted(looks, f"{here}retry", job=job.id) == 403
    for verb in ("quarantine", "release", "again"):
        assert posted(looks, f"{here}label", frame=frame, do=verb) == 403
    assert (states.campaigns.get(RUNNING), states.jobs.get(job.id)) == (before, job)
    assert ctx.labels_of([frame])[frame].state == "ok"
    forget_refusals(window)

    works = window.visit(here, role="work")
    said = works.get_by_role("status").first
    works.get_by_text("Change the trust levels").click()
    works.get_by_label("Lower, eV/Å").fill("0.2")
    works.get_by_label("Upper, eV/Å").fill("0.5")
    works.get_by_role("button", name="Amend").click()
    expect(said).to_contain_text("is amended: select.trust.lower")
    record = states.campaigns.get(RUNNING)
    assert record is not None and record.pending is not None
    assert record.pending["select"]["trust"] == {"lower": 0.2, "upper": 0.5}

    works.get_by_text(f"{job.id} was given up").click()
    works.get_by_role("button", name=f"Run {job.id} again").click()
    expect(said).to_contain_text(f"tries {job.stage}/{job.name} of iteration 0 again")
    again = states.jobs.get(job.id)
    assert again is not None and again.state == "due"

    works.goto(window.here + pages[1])
    works.get_by_label("What is wrong with it").fill("it is odd")
    works.get_by_role("button", name="Quarantine").click()
    expect(said).to_contain_text("is in quarantine")
    assert ctx.labels_of([frame])[frame].doubt == "who-may-work: it is odd"
    works.goto(window.here + pages[2])
    row = works.get_by_role("row").filter(has=works.locator(f'a[href="{pages[1]}"]'))
    row.get_by_role("button", name="Compute again").click()
    expect(said).to_contain_text("is computed again")
    assert frame in states.labels.asked_again(RUNNING, ctx.method)
    row.get_by_role("button", name="Believe").click()
    expect(said).to_contain_text("is believed")
    assert ctx.labels_of([frame])[frame].state == "ok"
    for path in (pages[0], pages[2]):
        looks.goto(window.here + path)
        expect(looks.get_by_role("button")).to_have_text(["Sign out"])


def test_the_keyboard_gets_past_the_bar(window: Window) -> None:
    page = window.visit(f"/campaigns/{ENDED}/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_browser_draws_it_and_shows_what_changes(window: Window, states: Store) -> None:
    page = window.visit(f"/campaigns/{RUNNING}/", viewport=PHONE)
    for chart in ("learning", "fractions", "histogram", "calibration"):
        expect(page.locator(f"#{chart} canvas")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "a phone has to scroll sideways"
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('.chart canvas')].map(c => {
          const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
          return d.filter((v, i) => i % 4 === 3 && v > 0).length; })"""
    )
    assert min(drawn) > 500, "a chart is empty"
    known = [s for s in states.selections.of_iteration(RUNNING, 0) if s.error and s.deviation]
    choice = page.locator("#when")
    expect(choice.locator("option")).to_have_text([f"all {len(known)} frames", "0"])
    choice.select_option("0")
    expect(page.locator("#calibration canvas")).to_be_visible()
    expect(page.locator(".stages li.now")).to_contain_text("explore", ignore_case=True)
    states.events.add(Event(campaign=RUNNING, kind="news", text="seen without a reload"))
    expect(page.locator(".events").first).to_contain_text("seen without a reload", timeout=20_000)


@pytest.fixture
def glass(states: Store, tmp_path: Path) -> Iterator[None]:
    put_silica(states, RUNNING, 1, tmp_path)
    yield
    take_away(states, RUNNING)


def test_a_browser_turns_a_frame_and_draws_the_charts(
    window: Window, states: Store, glass: None
) -> None:
    here = f"/campaigns/{RUNNING}"
    chosen = [one for one in states.selections.of_iteration(RUNNING, 0) if one.error is not None]
    page = window.visit(f"{here}/frames/{chosen[0].frame}/")
    viewer = page.locator("#viewer[data-drawn]")
    expect(viewer).to_be_visible(timeout=60_000)  # without a graphics card
    pixels = """() => {
      const c = document.querySelector('#viewer canvas'), d = document.createElement('canvas');
      d.width = c.width; d.height = c.height;
      const x = d.getContext('2d');
      x.drawImage(c, 0, 0);
      return new Set(new Uint32Array(x.getImageData(0, 0, d.width, d.height).data.buffer)).size;
    }"""
    by_deviation = page.evaluate(pixels)
    page.get_by_label("coloured by").select_option("element")
    expect(page.locator("#key")).to_contain_text("Si")
    assert by_deviation > 20, "the atoms are not there"
    page.goto(f"{window.here}{here}/iterations/0/walkers/{chosen[0].source}/")
    for chart in ("deviation", "temperature", "pressure"):
        expect(page.locator(f"#{chart} canvas")).to_be_visible()
    page.locator(".numbers summary").first.click()
    expect(page.locator(".numbers").first.get_by_role("columnheader").first).to_have_text("time")
    page.goto(f"{window.here}{here}/models/1/0/")
    expect(page.locator("#forces canvas")).to_be_visible()
    expect(page.locator("#energies canvas")).to_be_visible()
    page.goto(f"{window.here}{here}/glass/1/")
    expect(page.locator("#structure canvas")).to_be_visible()
    page.goto(f"{window.here}{here}/")
    expect(page.locator("[data-fetch] table.heat")).to_be_visible()
