// The page "Price a cart" works without this; with it a changed quantity is priced at once, and the link is copied.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("cart_form");
  form.addEventListener("change", (event) => {
    if (event.target.name === "count") {
      form.requestSubmit();
    }
  });
  const link = document.getElementById("cart-link");
  if (!link || !navigator.clipboard) {
    return;
  }
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    await navigator.clipboard.writeText(link.href);
    document.getElementById("cart-copied").textContent = "The link is copied.";
  });
});
