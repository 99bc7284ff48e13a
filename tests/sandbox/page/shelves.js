/** Shelves by category; what is clicked goes into the basket at the chosen gate. */
import { byId, h, money } from "/dom.js";

const STRANGER = {
  sku: "NOT-IN-YOUR-CATALOG", name: "Something your shop does not know", picture: "❓", unit: "unit", by_weight: false,
  barcodes: [], label: null, subcategory: "",
};

let chosen = null;

/** Show the shelves of a store; `take(product, barcode)` is called with what is taken. */
export function drawShelves(store, take) {
  const wanted = byId("find").value.trim().toLowerCase();
  const shelves = [...store.shelves, { category: "Not on any list", products: [STRANGER] }];
  if (!shelves.some((shelf) => shelf.category === chosen)) chosen = null;
  drawCategories(shelves, () => drawShelves(store, take));
  const shown = shelves
    .filter((shelf) => wanted || !chosen || shelf.category === chosen)
    .map((shelf) => ({ ...shelf, products: shelf.products.filter((product) => matches(product, wanted)) }))
    .filter((shelf) => shelf.products.length);
  byId("shelves").replaceChildren(...shown.map((shelf) => h("section", { className: "shelf" },
    h("h3", {}, shelf.category),
    h("div", { className: "products" }, shelf.products.map((product) => drawProduct(product, store, take))))));
  if (!shown.length) byId("shelves").append(h("p", { className: "empty" }, "No product has that name."));
}

export const stranger = STRANGER;

function drawCategories(shelves, draw) {
  const chip = (name, category) => h("button", {
    type: "button", className: "chip", ariaPressed: String(chosen === category),
    onclick: () => { chosen = category; draw(); },
  }, name);
  byId("categories").replaceChildren(chip("All", null), ...shelves.map(({ category }) => chip(category, category)));
}

function matches(product, wanted) {
  const texts = [product.name, product.sku, product.subcategory, ...product.barcodes.map((barcode) => barcode.code)];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function drawProduct(product, store, take) {
  const byBarcode = byId("kind").value === "barcode" && product.barcodes.length;
  const label = product.label && `${money(product.label, store.currency)}${product.by_weight ? ` / ${product.unit}` : ""}`;
  return h("button", {
    type: "button", className: "product", title: `${product.name} (${product.sku})`,
    onclick: () => take(product, byBarcode ? product.barcodes[0].code : null),
  },
  h("span", { className: "picture" }, product.picture),
  h("span", { className: "name" }, product.name),
  h("small", {}, label || (product === STRANGER ? "to see a cart parked" : "no label")));
}
