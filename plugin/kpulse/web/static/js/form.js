"use strict";
// Test connection without leaving the page, so that credentials need not be entered twice.
(() => {
  const form = document.getElementById("source-form");
  if (!form) return;

  function take(fresh, selector) {
    for (const part of fresh.querySelectorAll(selector)) {
      const old = part.id && document.getElementById(part.id);
      if (old) old.replaceWith(part);
    }
  }

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button || button.value !== "test") return;
    event.preventDefault();
    const report = document.getElementById("report");
    const body = new FormData(form, button);
    button.disabled = true;
    report.textContent = "Trying to connect; this can take half a minute …";
    try {
      const answer = await fetch(location.href, { method: "POST", body });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && fresh.getElementById("report")) {
        take(fresh, "[data-choices]");
        take(fresh, "#report");
        document.getElementById("report").scrollIntoView({ block: "center" });
      } else if (fresh.getElementById("source-form")) {
        const texts = [...fresh.querySelectorAll("[role=alert]")].map((each) => each.textContent.trim());
        report.textContent = texts.join(" ");
        report.className = "warning";
        mark(fresh);
      } else {
        report.textContent = fresh.querySelector("main") ? fresh.querySelector("main").textContent.trim() : "The service did not answer; try again.";
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      report.textContent = "The service could not be reached; try again.";
    } finally {
      button.disabled = false;
    }
  });

  function mark(fresh) {
    form.querySelectorAll(".problem").forEach((each) => each.remove());
    for (const problem of fresh.querySelectorAll("#source-form .problem")) {
      const input = form.querySelector(`[name="${problem.id.replace(/-error$/, "")}"]`);
      if (input) input.closest(".field").append(problem);
    }
  }

  form.addEventListener("click", (event) => {
    const word = event.target.closest("button.word");
    if (!word) return;
    const input = document.getElementById(word.dataset.for);
    const words = input.value.split(",").map((each) => each.trim()).filter(Boolean);
    const at = words.indexOf(word.textContent);
    if (at < 0) words.push(word.textContent); else words.splice(at, 1);
    input.value = words.join(", ");
  });
})();
