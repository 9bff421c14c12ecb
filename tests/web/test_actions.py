"""What users may ask of a campaign, who may, and that the events say who did."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from al_loop.campaign import CampaignSpec
from al_loop.launch import control
from al_loop.loop.context import STAMP, Context
from al_loop.store import Connection, JobRecord, Store
from al_loop.web.site import open_site
from al_loop.web.users import Users
from tests.web.conftest import signed_in, token
from tests.web.states import trains

pytestmark = pytest.mark.engine

NAME = "cheap"
PAGE = f"/campaigns/{NAME}/"


@pytest.fixture(scope="module")
def store(
    new_database: Callable[[], Connection], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A campaign at its first training; a job of first labels has been given up."""
    with Store(new_database()) as store:
        trains(store, tmp_path_factory.mktemp("acting"), NAME)
        yield store


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Users:
    return Users(tmp_path_factory.mktemp("people") / "users.json")


@pytest.fixture(scope="module")
def site(store: Store, users: Users) -> Iterator[Flask]:
    users.add("nobody", role="read")
    with open_site(store.connection, users) as app:
        yield app


@pytest.fixture(scope="module")
def ada(site: Flask, users: Users) -> FlaskClient:
    return signed_in(site, users, "ada", role="work")


@pytest.fixture(scope="module")
def grace(site: Flask, users: Users) -> FlaskClient:
    return signed_in(site, users, "grace", role="read")


def post(client: FlaskClient, path: str, **form: str) -> tuple[int, str]:
    """Send a form of the campaign's page; status and text of the page that follows."""
    form["csrf"] = token(client.get("/campaigns/").text)
    answer = client.post(path, data=form, follow_redirects=True)
    return answer.status_code, answer.text


def addresses(site: Flask) -> list[str]:
    """Of all actions there are."""
    with site.test_request_context():
        return [
            site.url_for(rule.endpoint, name=NAME)
            for rule in site.url_map.iter_rules()
            if rule.endpoint.startswith("actions.")
        ]


def last_event(store: Store, kind: str) -> str:
    found = [event.text for event in store.events.latest(NAME, 100) if event.kind == kind]
    return found[-1] if found else ""


def test_who_only_looks_sees_no_button_and_is_refused(
    site: Flask, store: Store, ada: FlaskClient, grace: FlaskClient
) -> None:
    for page in (PAGE, f"{PAGE}labels/"):
        assert 'action="/campaigns/' in ada.get(page).text
        assert 'action="/campaigns/' not in grace.get(page).text
    before = store.campaigns.get(NAME), store.events.latest(NAME, 100)
    tried = addresses(site)
    assert len(tried) >= 5
    for address in tried:
        status, text = post(grace, address, lower="0.1", upper="0.2", do="again", frame="0" * 12)
        assert status == 403, address
        assert "grace may look, not act" in text
    assert (store.campaigns.get(NAME), store.events.latest(NAME, 100)) == before


def test_a_form_of_another_site_changes_nothing(
    site: Flask, store: Store, ada: FlaskClient
) -> None:
    before = store.campaigns.get(NAME)
    for address in addresses(site):
        for csrf in ("", "guess"):
            assert ada.post(address, data={"csrf": csrf}).status_code == 400, address
        assert ada.get(address).status_code == 405, address
    assert store.campaigns.get(NAME) == before


def test_a_job_that_was_given_up_is_tried_again(store: Store, ada: FlaskClient) -> None:
    """Before the test that resumes: that tries all of them."""
    (job,) = store.jobs.quarantined(NAME)
    assert f'value="{job.id}"' in ada.get(PAGE).text
    folder = Context(store, NAME).folder_of(job).path
    assert (folder / "failures.jsonl").exists()
    status, _ = post(ada, f"{PAGE}retry", job=job.id)
    assert status == 200
    again = store.jobs.get(job.id)
    assert again is not None and again.state == "due"
    assert not (folder / "failures.jsonl").exists()
    assert last_event(store, "job-retried") == f"{job.id} is tried again, asked by ada"
    other = store.jobs.of_stage(NAME, 0, "train")[0]
    for wrong in (job.id, other.id, "../../etc/passwd", ""):
        assert post(ada, f"{PAGE}retry", job=wrong)[0] == 409, wrong


def test_pause_and_resume_in_the_name_of_the_user(
    store: Store, ada: FlaskClient, grace: FlaskClient
) -> None:
    assert f'action="{PAGE}pause"' in ada.get(PAGE).text
    status, text = post(ada, f"{PAGE}pause")
    assert status == 200
    assert 'role="status">cheap: paused' in text
    assert f'action="{PAGE}resume"' in text
    record = store.campaigns.get(NAME)
    assert record is not None
    assert (record.state, record.reason) == ("paused", "paused by ada")
    assert last_event(store, "campaign-paused") == "paused by ada"
    assert "paused by ada" in grace.get(PAGE).text
    status, text = post(ada, f"{PAGE}resume")
    assert status == 200
    assert store.campaigns.state(NAME) == "running"
    assert last_event(store, "campaign-resumed").startswith("by ada")


def test_resume_claims_no_folder(store: Store, ada: FlaskClient) -> None:
    """The database names it; at a shell a person may, a button may not."""
    post(ada, f"{PAGE}pause")
    stamp = Context(store, NAME).folder / STAMP
    text = stamp.read_text()
    stamp.unlink()
    try:
        status, page = post(ada, f"{PAGE}resume")
        assert status == 409
        assert "not on the machine of this site" in page
        assert not stamp.exists()
        assert store.campaigns.state(NAME) == "paused"
    finally:
        stamp.write_text(text)
    assert post(ada, f"{PAGE}resume")[0] == 200


def test_trust_levels_are_amended_and_what_waits_already_stays(
    store: Store, ada: FlaskClient
) -> None:
    spec = Context(store, NAME).spec
    select = spec.select.model_copy(update={"batch": spec.select.batch + 3})
    control.amend(store.connection, spec.model_copy(update={"select": select}), by="bob")
    status, text = post(ada, f"{PAGE}trust", lower="0.2", upper="0.5")
    assert status == 200
    assert "select.trust.upper: 20.0 -&gt; 0.5 (next iteration)" in text
    assert 'name="upper" type="number" min="0" step="any" required value="0.5"' in text
    record = store.campaigns.get(NAME)
    assert record is not None and record.pending is not None
    asked = CampaignSpec.model_validate(record.pending).select
    assert (asked.trust.lower, asked.trust.upper, asked.batch) == (0.2, 0.5, select.batch)
    told = [e.text for e in store.events.latest(NAME, 100) if e.kind == "amended"]
    assert [text for text in told if "batch" in text] == [
        f"select.batch: {spec.select.batch} -> {select.batch} (next iteration) by bob"
    ]
    assert sum(text.endswith("by ada") for text in told) == 2
    for lower, upper in (("0.5", "0.2"), ("-1", "1"), ("", "1"), ("nan", "1"), ("low", "1")):
        assert post(ada, f"{PAGE}trust", lower=lower, upper=upper)[0] == 400, (lower, upper)
    assert store.campaigns.get(NAME) == record


def test_a_label_is_doubted_believed_and_computed_again(
    store: Store, ada: FlaskClient, grace: FlaskClient
) -> None:
    ctx = Context(store, NAME)
    found = ctx.labels_of(store.selections.hashes(NAME))
    frame = min(hash_ for hash_, label in found.items() if label.state == "ok")
    status, text = post(
        ada, f"{PAGE}label", frame=frame[:12], do="quarantine", why="<b>odd</b>\x1b[2J\nthing",
        back=f"{PAGE}labels/",
    )  # fmt: skip
    assert status == 200
    assert ctx.labels_of([frame])[frame].state == "quarantined"
    assert last_event(store, "label-quarantined").endswith("<b>odd</b> [2J thing (by-hand, ada)")
    assert "Labels to look at" in text and frame[:12] in text
    assert "ada: &lt;b&gt;odd&lt;/b&gt;" in text and "<b>odd" not in text
    assert f"Believe: frame {frame[:12]}" in text
    assert "Believe" not in grace.get(f"{PAGE}labels/").text
    assert post(ada, f"{PAGE}label", frame=frame, do="release")[0] == 200
    assert ctx.labels_of([frame])[frame].state == "ok"
    assert last_event(store, "label-released").endswith("believed by ada")
    assert post(ada, f"{PAGE}label", frame=frame, do="again")[0] == 200
    assert frame in store.labels.asked_again(NAME, ctx.method)
    assert last_event(store, "label-again").endswith("asked by ada")
    assert post(ada, f"{PAGE}label", frame="ffffffffffff", do="release")[0] == 409
    assert post(ada, f"{PAGE}label", frame=frame, do="delete")[0] == 400


def test_a_label_is_judged_beside_its_frame_and_computed_again_while_something_is(
    store: Store, ada: FlaskClient, grace: FlaskClient
) -> None:
    ctx = Context(store, NAME)
    found = ctx.labels_of(store.selections.hashes(NAME))
    frame = max(hash_ for hash_, label in found.items() if label.state == "ok")
    page, listed = f"{PAGE}frames/{frame}/", f"{PAGE}labels/"
    assert f"Quarantine: frame {frame[:12]}" in ada.get(page).text
    assert 'action="/campaigns/' not in grace.get(page).text
    status, text = post(ada, f"{PAGE}label", frame=frame, do="quarantine", why="odd", back=page)
    assert status == 200 and "ada: odd" in text and f"Believe: frame {frame[:12]}" in text
    assert f"Quarantine: frame {frame[:12]}" not in text
    assert f'<a href="{page}"><code>' in ada.get(listed).text
    try:
        for path in (page, listed):
            store.campaigns.set_state(NAME, "paused", "by hand")
            assert f"Compute again: frame {frame[:12]}" in ada.get(path).text
            store.campaigns.set_state(NAME, "stopped", "by hand")
            text = ada.get(path).text
            assert f"Believe: frame {frame[:12]}" in text and "Compute again" not in text
        assert post(ada, f"{PAGE}label", frame=frame, do="again")[0] == 409
        assert "no label is computed again" in ada.get(listed).text
    finally:
        store.campaigns.set_state(NAME, "running", "")
    assert post(ada, f"{PAGE}label", frame=frame, do="release", back=page)[0] == 200


def test_more_jobs_than_are_listed_were_given_up(store: Store, ada: FlaskClient) -> None:
    lost = [
        JobRecord(campaign=NAME, iteration=0, stage="train", name=f"lost-{i}") for i in range(25)
    ]
    assert "jobs were given up" not in ada.get(PAGE).text
    store.jobs.put_many(lost)
    for job in lost:
        store.jobs.quarantine(job.id, failure="engine-crashed", words="no such device")
    try:
        text = ada.get(PAGE).text
        assert text.count("was given up") == 20
        assert "25 jobs were given up; the latest 20 are below" in text
        assert f"al-loop retry {NAME} JOB" in text and f"al-loop resume {NAME}" in text
    finally:
        for job in lost:
            store.jobs.table.delete({"_id": job.id})


def test_where_a_form_returns_to_is_a_page_of_this_site(ada: FlaskClient) -> None:
    form = {"csrf": token(ada.get(PAGE).text), "lower": "0.2", "upper": "0.5"}
    for back in ("https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example"):
        answer = ada.post(f"{PAGE}trust", data={**form, "back": back})
        assert (answer.status_code, answer.location) == (303, "/")
