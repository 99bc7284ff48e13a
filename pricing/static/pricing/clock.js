// Says beside "starts" and "ends" on which clock they are entered, as stores are chosen; and has "Now" go by that clock.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const places = document.querySelectorAll("[data-clock]");
  if (!places.length) {
    return;
  }
  const form = places[0].closest("form");

  function goBy(offset) {
    document.body.dataset.adminUtcOffset = offset;
  }

  // An answer that comes after a later question is not shown.
  let asked = 0;
  async function ask() {
    const question = ++asked;
    const chosen = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (["store", "stores", "all_stores"].includes(name)) {
        chosen.append(name, value);
      }
    }
    const page = new URL(location.pathname.replace(/(add|[^/]+\/change)\/$/, "+clock/"), location.origin);
    const answer = await fetch(`${page}?${chosen}`);
    if (!answer.ok || question !== asked) {
      return;
    }
    const told = await answer.json();
    places.forEach((place) => { place.textContent = told.words; });
    goBy(told.offset);
  }

  goBy(places[0].dataset.clock);
  // Select2 tells jQuery only; jQuery hears native changes as well.
  django.jQuery(form).on("change", "[name=store], [name=stores], [name=all_stores]", ask);
});
