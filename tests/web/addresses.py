"""All addresses of the site that can be looked at, from its own map."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from al_loop.store import Store

FIREWORKS = {
    "state": "READY", "sorting_key": "_id", "sorting_order": "ASCENDING", "interval": "days",
    "num_intervals": "3", "coll": "fireworks", "key": "campaign", "value": "cheap",
    "filename": "css/styles.css",
}  # fmt: skip
"""Arguments of FireWorks' own addresses, besides numbers of fireworks."""


def addresses(site: Flask, store: Store, *, campaign: str | None) -> list[str]:
    """Of a campaign's pages; with None, of all others. GET only; static files left out.

    An argument that nobody has said anything about here is a KeyError: say it in ``_of_campaign``.
    """
    found = []
    with site.test_request_context():
        for rule in site.url_map.iter_rules():
            ours = rule.rule.startswith("/campaigns/<name>")
            if "GET" not in (rule.methods or ()) or rule.endpoint.endswith("static"):
                continue
            if ours != (campaign is not None) or "sorting_order" in rule.arguments:
                continue  # sorted the other way a page is the same page
            values = _of_campaign(store, campaign, rule.arguments) if campaign else _number(site)
            if values is not None:
                wanted = {name: values[name] for name in rule.arguments}
                found.append(site.url_for(rule.endpoint, **wanted))
    return sorted(found)


def _number(site: Flask) -> dict[str, str]:
    fw = site.lp.fireworks.find_one({}, {"fw_id": 1})  # type: ignore[attr-defined]
    number = str(fw["fw_id"]) if fw else "1"
    return {**FIREWORKS, "fw_id": number, "wf_id": number}


def _of_campaign(store: Store, name: str, arguments: set[str]) -> dict[str, str] | None:
    """What stands for the arguments of a page; None where the campaign has nothing such."""
    known: dict[str, Callable[[], str | None]] = {
        "name": lambda: name,
        "iteration": lambda: "0",
        "index": lambda: "0",
        "member": lambda: "0",
        "walker": lambda: next((w.walker for w in store.walks.of_iteration(name, 0)), None),
        "system": lambda: min(store.glasses.measured(name, 0), default=None),
        "frame": lambda: min(store.selections.hashes(name), default=None),
    }
    values = {argument: known[argument]() for argument in arguments}
    plain = {key: value for key, value in values.items() if value is not None}
    return plain if plain.keys() == values.keys() else None
