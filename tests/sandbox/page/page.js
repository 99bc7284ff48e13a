/**
 * The page of gates and shelves. Its address may say where to begin: `#store=ID` chooses a store,
 * `#basket=SKU:2,SKU:0.250` puts a shopper with that basket behind the first gate; nobody walks out by an address.
 */
import { openCatalog } from "/catalog.js";
import { ask, attempt, byId, h } from "/dom.js";
import { fillFirstGate, openGates, take } from "/gates.js";
import { openMisbehaviour } from "/misbehaviour.js";
import { drawShelves, stranger } from "/shelves.js";
import { openTrips } from "/trips.js";

async function open() {
  const connection = await ask("GET", "connection");
  const admin = `${connection.product.replace(/\/$/, "")}/admin/`;
  const wishes = new URLSearchParams(location.hash.slice(1));
  const products = new Map([[stranger.sku, stranger]]);
  for (const store of connection.stores) {
    for (const shelf of store.shelves) for (const product of shelf.products) products.set(product.sku, product);
  }
  const store = () => connection.stores.find((one) => one.store_id === byId("store").value);
  const barcodes = new Map([...products.values()].flatMap((one) => one.barcodes.map((code) => [code.code, one])));
  const shop = { store, admin: () => admin, product: (id) => products.get(id) ?? barcodes.get(id) };

  byId("admin").href = admin;
  byId("store").replaceChildren(...connection.stores.map((one) => h("option", { value: one.store_id }, one.name)));
  if (wishes.has("store")) byId("store").value = wishes.get("store");
  if (!store()) byId("store").selectedIndex = 0;
  if (!store()) throw new Error("The store file has no store.");
  const draw = () => drawShelves(store(), take);
  for (const [id, event] of [["store", "change"], ["kind", "change"], ["find", "input"]]) {
    byId(id).addEventListener(event, draw);
  }
  draw();
  openGates(shop);
  if (wishes.has("basket")) fillFirstGate(wishes.get("basket").split(",").map((entry) => entry.split(":")));
  openTrips(shop);
  openCatalog();
  await openMisbehaviour();
}

attempt(open);
