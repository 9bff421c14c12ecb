// Keeps a page fresh: asks for it again (the browser sends its ETag) and replaces what has changed.
"use strict";
(() => {
  const EVERY = 4000;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  function ago(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const past = (new Date(time.dateTime) - Date.now()) / 1000;
      const [unit, size] = units.find(([, s]) => Math.abs(past) >= s) || units[3];
      time.title = time.title || time.textContent;
      time.textContent = format.format(Math.round(past / size), unit);
    }
  }

  const shown = new Map();
  for (const part of document.querySelectorAll("[data-live]")) shown.set(part.dataset.live, part.innerHTML);

  async function refresh() {
    if (document.hidden) return;
    const stale = document.getElementById("stale");
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of page.querySelectorAll("[data-live]")) {
        const name = fresh.dataset.live, html = fresh.innerHTML;
        const here = document.querySelector(`[data-live="${CSS.escape(name)}"]`);
        if (!here || shown.get(name) === html) continue;
        const focus = here !== document.activeElement && here.contains(document.activeElement) ? document.activeElement : null;
        if (focus && focus.getAttribute("role") !== "region") continue;  // somebody fills it in
        shown.set(name, html);
        const chosen = here.value;  // of a list
        here.innerHTML = html;
        if ([...(here.options ?? [])].some((one) => one.value === chosen)) here.value = chosen;
        if (focus) here.querySelector(`[aria-labelledby="${CSS.escape(focus.getAttribute("aria-labelledby"))}"]`)?.focus({ preventScroll: true });
      }
      stale.hidden = true;
      document.dispatchEvent(new Event("refreshed"));
    } catch {
      stale.hidden = false;
    }
    ago(document);
  }

  // Parts that take a while to work out are fetched when the page is there.
  const parts = new Map();
  async function fetchParts() {
    for (const place of document.querySelectorAll("[data-fetch]")) {
      const answer = await fetch(place.dataset.fetch);
      if (!answer.ok) continue;
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-part]")?.innerHTML;
      if (found === undefined || parts.get(place) === found || place.contains(document.activeElement)) continue;
      parts.set(place, found);
      place.innerHTML = found;
    }
  }
  fetchParts().catch(() => {});
  document.addEventListener("refreshed", () => fetchParts().catch(() => {}));

  ago(document);
  setInterval(() => ago(document), 10000);
  if (shown.size) {
    setInterval(refresh, EVERY);
    document.addEventListener("visibilitychange", refresh);
  }
})();
