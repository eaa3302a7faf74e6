"use strict";
// While sources are read for the first time: moves the bars, and takes over new numbers as they come.
(() => {
  const EVERY = 2000;

  function show(place, name, text) {
    const part = place.querySelector(`[data-is="${name}"]`);
    if (part) part.textContent = text;
  }

  async function renew() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    const old = document.getElementById("live");
    if (!fresh || !old) return;
    const opened = [...old.querySelectorAll("details")].map((each) => each.open);
    old.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((each, i) => { each.open = Boolean(opened[i]); });
    document.dispatchEvent(new Event("kpulse:new-page"));
  }

  async function look() {
    const live = document.getElementById("live");
    if (!live || live.dataset.reading !== "yes") return;
    try {
      const answer = await fetch(live.dataset.progress);
      if (answer.ok) {
        const now = await answer.json();
        for (const source of now.sources) {
          const place = live.querySelector(`.reading[data-source="${source.source}"]`);
          if (!place) continue;
          place.querySelector("progress").value = source.promille;
          for (const name of ["stage", "left", "records"]) show(place, name, source[name]);
        }
        if (now.version !== live.dataset.version || !now.first_reading) await renew();
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the service is away for a moment: ask again
    }
    setTimeout(look, EVERY);
  }

  setTimeout(look, EVERY);
})();
