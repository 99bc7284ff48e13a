// The promotion form: shows the fields that its kind needs, and says in a sentence what the promotion does.
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
      const line = lineOf(name);
      if (!line) {
        continue;
      }
      line.hidden = line.parentElement.hidden = !(name in fields);
      const label = line.querySelector("label");
      if (label && fields[name]) {
        label.textContent = fields[name];
      }
    }
    showStores();
    showParts();
    for (const fieldset of form.querySelectorAll("fieldset.module")) {
      fieldset.hidden = [...fieldset.querySelectorAll(".field-line")].every((line) => line.hidden);
    }
  }

  function showStores() {
    const all = document.getElementById("id_all_stores");
    const line = lineOf("stores");
    if (all && line) {
      line.hidden = line.parentElement.hidden = all.checked;
    }
  }

  // A set shows its filled parts and one more, two at least.
  function showParts() {
    const parts = [...form.querySelectorAll(".field-components .bo-part")];
    const filled = parts.map((part) => part.querySelector("option:checked, input[type=checkbox]:checked") !== null);
    parts.forEach((part, place) => {
      part.hidden = place > Math.max(1, filled.lastIndexOf(true) + 1);
    });
  }

  async function say() {
    const answer = await fetch(words.dataset.url, { method: "POST", body: new FormData(form) });
    words.textContent = answer.ok ? await answer.text() : "";
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
});
