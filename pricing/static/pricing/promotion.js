// The promotion form: names its fields as the kind does, and says in a sentence what the promotion does and how many
// products it means. Which fields a kind shows stands in promotion.css.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const kind = document.getElementById("id_kind");
  const words = document.getElementById("promotion-words");
  if (!kind || !words) {
    return;
  }
  const form = kind.form;
  const needed = JSON.parse(document.getElementById("promotion-fields").textContent);
  const varying = new Set(Object.values(needed).flatMap((fields) => Object.keys(fields)));

  function lineOf(name) {
    return form.querySelector(`.field-line.field-${name}`);
  }

  function showWhatCounts() {
    const fields = needed[kind.value] || {};
    for (const name of varying) {
      const label = lineOf(name)?.querySelector("label");
      if (label && fields[name]) {
        label.textContent = fields[name];
      }
    }
    showParts();
  }

  // A set shows its filled parts and one more, two at least.
  function showParts() {
    const parts = [...form.querySelectorAll(".field-components .bo-part")];
    const filled = parts.map((part) => part.querySelector("option:checked, input[type=checkbox]:checked") !== null);
    parts.forEach((part, place) => {
      part.hidden = place > Math.max(1, filled.lastIndexOf(true) + 1);
    });
  }

  // An answer that comes after a later question is not shown.
  let asked = 0;
  async function say() {
    const question = ++asked;
    const answer = await fetch(words.dataset.url, { method: "POST", body: new FormData(form) });
    if (!answer.ok || question !== asked) {
      return;
    }
    const said = await answer.json();
    words.textContent = said.words;
    document.getElementById("promotion-conflicts").innerHTML = said.conflicts;
    for (const place of form.querySelectorAll("[data-meant]")) {
      place.textContent = said.counts[place.dataset.meant] || "";
    }
  }

  let waiting = 0;
  function changed() {
    showWhatCounts();
    clearTimeout(waiting);
    waiting = setTimeout(say, 300);
  }

  // Select2 tells jQuery only; jQuery hears native changes as well.
  django.jQuery(form).on("change input", changed);
  showWhatCounts();
  say();
});
