"use strict";
// Keeps states, bars and counts of sources up to date.
(() => {
  const list = document.querySelector("[data-status]");
  if (!list) return;
  const EVERY = 2000;

  function apply(card, source) {
    const part = (name) => card.querySelector(`[data-is="${name}"]`);
    part("state").textContent = source.state;
    part("state").className = `state ${source.tone}`;
    part("sentence").textContent = source.sentence;
    part("sentence").hidden = !source.sentence;
    part("reading").hidden = !source.running;
    part("stage").textContent = source.stage;
    part("left").textContent = source.left;
    card.querySelector("progress").value = source.promille;
    for (const [name, number] of Object.entries(source.counts)) {
      const place = card.querySelector(`[data-count="${name}"]`);
      if (place) place.textContent = number;
    }
  }

  async function look() {
    try {
      const answer = await fetch(list.dataset.status);
      if (answer.ok) {
        for (const source of (await answer.json()).sources) {
          const card = list.querySelector(`.source[data-source="${source.source}"]`);
          if (card) apply(card, source);
        }
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the service is away for a moment: ask again
    }
    setTimeout(look, EVERY);
  }

  setTimeout(look, EVERY);
})();
