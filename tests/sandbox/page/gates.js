/** Gates side by side: each with its own shopper, basket and what came back. */
import { ask, attempt, byId, h, money, plural, quantityText } from "/dom.js";

const SHOPPERS = [
  ["Ada", "👩🏽‍🦱"], ["Bruno", "👨🏻"], ["Chen", "🧑🏻‍🦰"], ["Dalia", "👩🏾"], ["Emil", "👴🏼"], ["Fatima", "🧕🏽"],
  ["Goran", "🧔🏼"], ["Hana", "👱🏻‍♀️"], ["Ines", "👵🏽"], ["Jamal", "👨🏿‍🦲"],
];
const FIRST_WEIGHT = "0.250";
const LONG_WAIT = 12_000;

const gates = [];
let shop;
let active;
let visitors = 0;

/** Set up the gates. `shop` tells the store chosen, the products and the product's address. */
export function openGates(theShop) {
  shop = theShop;
  byId("add-gate").addEventListener("click", () => addGate());
  byId("to-gate").addEventListener("click", () => active.card.scrollIntoView({ block: "center" }));
  addGate();
  addGate();
  choose(gates[0]);
  setInterval(() => attempt(followTrips), 700);
}

/** Put a shopper with these goods inside the first gate: `[[sku, quantity], …]`. */
export function fillFirstGate(entries) {
  tapCard(gates[0]);
  for (const [sku, quantity] of entries) {
    const product = shop.product(sku);
    if (product) gates[0].basket.push({ product, barcode: null, quantity });
  }
  draw(gates[0]);
}

/** Take a product off the shelf, at the gate that is chosen. */
export function take(product, barcode) {
  if (!active.shopper) tapCard(active);
  const line = active.basket.find((one) => one.product.sku === product.sku && one.barcode === barcode);
  if (line && !product.by_weight) line.quantity = String(Number(line.quantity) + 1);
  else active.basket.push({ product, barcode, quantity: product.by_weight ? FIRST_WEIGHT : "1" });
  draw(active);
}

function addGate() {
  const number = 1 + Math.max(0, ...gates.map((gate) => gate.number));
  const gate = { number, name: `gate-${number}`, shopper: null, basket: [], trip: null, answers: [], busy: false };
  gate.card = h("article", { className: "gate", onclick: () => choose(gate) });
  gates.push(gate);
  byId("gates").append(gate.card);
  gates.forEach(draw);
  if (active) choose(gate);
}

function removeGate(gate) {
  gates.splice(gates.indexOf(gate), 1);
  gate.card.remove();
  choose(gates[0]);
  gates.forEach(draw);
}

function choose(gate) {
  active = gate;
  for (const one of gates) one.card.classList.toggle("chosen", one === gate);
  drawBar();
}

function tapCard(gate) {
  const [name, face] = SHOPPERS[visitors++ % SHOPPERS.length];
  Object.assign(gate, {
    shopper: { name, face }, store: shop.store(), enteredAt: Date.now() / 1000, basket: [], trip: null, answers: [],
  });
  draw(gate);
}

async function walkOut(gate, basket) {
  await send(gate, () => ask("POST", "walk-out", {
    gate: gate.name,
    store_id: gate.store.store_id,
    shopper: `shopper-${gate.shopper.name.toLowerCase()}`,
    entered_at: gate.enteredAt,
    basket: basket.map((line) => ({
      sku: line.product.sku,
      quantity: line.product.by_weight ? line.quantity : `${line.quantity}.0`,
      ...(line.barcode ? { barcode: line.barcode } : {}),
    })),
  }));
}

async function send(gate, request) {
  gate.busy = true;
  draw(gate);
  await attempt(async () => {
    const sent = await request();
    Object.assign(gate, {
      trip: { trip_id: sent.trip_id }, answers: sent.answers, manner: sent.manner, sentAt: Date.now(),
      shopper: null, basket: [],
    });
  });
  gate.busy = false;
  draw(gate);
}

/** Ask what became of the trips that are still open. */
async function followTrips() {
  for (const gate of gates.filter((one) => one.trip && !one.shopper && !isSettled(one))) {
    const id = gate.trip.trip_id;
    const { trips } = await ask("GET", `trips?trip_id=${encodeURIComponent(id)}`);
    if (trips.length && gate.trip?.trip_id === id) {
      gate.trip = trips[0];
      draw(gate);
    }
  }
}

function isSettled(gate) {
  return ["ordered", "refused", "empty"].includes(gate.trip.state) && gate.trip.answer_status;
}

function draw(gate) {
  const parts = gate.shopper ? [drawBasket(gate), drawWaysOut(gate)] : [drawResult(gate), drawEntry(gate)];
  gate.card.replaceChildren(drawHead(gate), ...parts.flat());
  byId("gates").classList.toggle("single", gates.length === 1);
  drawBar();
}

/** Where the page is narrow the gates are out of sight: say what the chosen shopper holds, and lead back. */
function drawBar() {
  const bar = byId("to-gate");
  bar.hidden = !active?.shopper;
  if (!bar.hidden) bar.textContent = `${active.shopper.face} ${plural(active.basket.length, "product")} at gate ${active.number} ↑`;
}

function drawHead(gate) {
  const inside = gate.shopper ? `${gate.shopper.face} ${gate.shopper.name} is inside` : "nobody inside";
  return h("div", { className: "gate-head" },
    h("h3", {}, `Gate ${gate.number}`),
    h("span", { className: gate.shopper ? "chip in" : "chip" }, inside),
    gates.length > 1 && h("button", {
      type: "button", className: "bare", title: "Remove this gate", ariaLabel: `Remove gate ${gate.number}`,
      onclick: (event) => { event.stopPropagation(); removeGate(gate); },
    }, "✕"));
}

function drawBasket(gate) {
  if (!gate.basket.length) return h("p", { className: "empty" }, "The basket is empty. Take something off the shelves.");
  return h("ul", { className: "basket" }, gate.basket.map((line) => drawLine(gate, line)));
}

function drawLine(gate, line) {
  return h("li", {},
    h("span", { className: "picture" }, line.product.picture),
    h("span", { className: "name" }, line.product.name, line.barcode && h("small", {}, ` ${line.barcode}`)),
    line.product.by_weight ? drawWeight(gate, line) : drawPieces(gate, line));
}

function drawPieces(gate, line) {
  const change = (step) => {
    const pieces = Number(line.quantity) + step;
    if (pieces < 1) gate.basket.splice(gate.basket.indexOf(line), 1);
    line.quantity = String(pieces);
    draw(gate);
  };
  return h("span", { className: "stepper" },
    h("button", { type: "button", ariaLabel: `One ${line.product.name} less`, onclick: () => change(-1) }, "−"),
    h("b", {}, line.quantity),
    h("button", { type: "button", ariaLabel: `One ${line.product.name} more`, onclick: () => change(1) }, "+"));
}

function drawWeight(gate, line) {
  return h("span", { className: "stepper" },
    h("input", {
      type: "text", inputMode: "decimal", value: line.quantity, pattern: "[0-9]+([.][0-9]{1,3})?", size: 5,
      ariaLabel: `Weight of ${line.product.name} in ${line.product.unit}`,
      onchange: (event) => { if (event.target.validity.valid && event.target.value) line.quantity = event.target.value; },
    }),
    line.product.unit,
    h("button", {
      type: "button", ariaLabel: `Put ${line.product.name} back`,
      onclick: () => { gate.basket.splice(gate.basket.indexOf(line), 1); draw(gate); },
    }, "✕"));
}

function drawWaysOut(gate) {
  return h("div", { className: "actions" },
    h("button", {
      type: "button", className: "primary", disabled: gate.busy || !gate.basket.length,
      onclick: () => walkOut(gate, gate.basket),
    }, "Walk out"),
    h("button", { type: "button", disabled: gate.busy, onclick: () => walkOut(gate, []) }, "Walk out with nothing"));
}

function drawEntry(gate) {
  const repeat = () => send(gate, () => ask("POST", "repeat", { gate: gate.name }));
  return h("div", { className: "actions" },
    h("button", {
      type: "button", className: "primary", disabled: gate.busy, onclick: () => { choose(gate); tapCard(gate); },
    }, "💳 Tap card"),
    gate.trip && h("button", { type: "button", disabled: gate.busy, onclick: repeat }, "Repeat last cart"));
}

function drawResult(gate) {
  if (!gate.trip) return h("p", { className: "empty" }, "Tap a card to let a shopper in.");
  return h("ol", { className: "steps", ariaLive: "polite" }, drawAnswers(gate), drawOutcome(gate));
}

function drawAnswers(gate) {
  if (!gate.answers.length) {
    const known = gate.trip.answer_status;
    if (!known) return h("li", { className: "wait" }, `The cart is held back (${gate.manner.replaceAll("_", " ")}).`);
    return step("good", `Cart delivered late: ${known}`, gate.trip.purchase_id);
  }
  return gate.answers.map((answer) => {
    if (answer.status === null) return step("bad", "The cart did not get through.", answer.answer);
    if (answer.status >= 300) return step("bad", `The back office refused the cart: ${answer.status}`, answer.answer);
    return step("good", `Cart taken in ${answer.milliseconds} ms`, answer.purchase_id || "answered without a purchase ID");
  });
}

function drawOutcome(gate) {
  const { trip } = gate;
  const wasTaken = trip.answer_status < 300 || gate.answers.some((answer) => answer.status < 300 && answer.status);
  if (gate.answers.length && !wasTaken && trip.state !== "ordered") {
    return h("li", { className: "wait" }, "Amazon would send it again: that is what “Repeat last cart” does.");
  }
  if (trip.state === "empty") return step("good", "Nothing taken, nothing to pay.", "The hold on the card is released.");
  if (trip.state === "ordered") {
    const words = trip.charges > 1 ? `Charged ${trip.charges} times` : "Charged";
    return [
      step(trip.charges > 1 ? "bad" : "good", `${words} ${money(trip.charged, trip.currency)}`, `Order ${trip.order_ids.join(", ")}`),
      trip.receipt && h("li", { className: "plain" }, drawReceipt(trip.receipt, trip.currency, shop)),
    ];
  }
  if (trip.state === "refused") return step("bad", `Amazon refused: ${trip.refusal.name}`, trip.refusal.message);
  const last = trip.checkout_calls?.at(-1);
  const calls = last && `${plural(trip.calls, "checkout call")} so far, last answer ${last.status ?? "lost"} ${last.error ?? ""}`;
  const late = Date.now() - gate.sentAt > LONG_WAIT && !trip.calls;
  return h("li", { className: "wait" }, h("b", {}, "Waiting for the priced cart…"), calls && h("small", {}, calls),
    late && h("small", {}, "Perhaps it was parked: ", h("a", { href: `${shop.admin()}`, target: "_blank" }, "look in the back office"), "."));
}

const step = (kind, title, text) => h("li", { className: kind }, h("b", {}, title), text && h("small", {}, text));

/** The receipt that Amazon would give the shopper. */
export function drawReceipt(receipt, currency, theShop) {
  const totals = receipt.orderTotals;
  const row = (className, name, amount) =>
    h("tr", { className }, h("td", {}, name), h("td", {}, amount));
  const rows = receipt.lineItems.flatMap((line) => {
    const product = theShop.product(line.productId);
    const name = `${quantityText(line.quantity.value)} × ${product ? product.name : line.productId}`;
    return [
      row("", name, money(line.unitPrice.price.amount, currency)),
      ...(line.unitPrice.promotions ?? []).map((one) =>
        row("minor", one.promotionDescription, `−${money(one.promotionAmount.amount, currency)}`)),
      ...(line.unitPrice.depositsAndFees ?? []).map((one) =>
        row("minor", `incl. ${one.depositAndFeeDescription}`, money(one.depositAndFeeAmount.amount, currency))),
    ];
  });
  return h("table", { className: "receipt" }, h("tbody", {}, rows,
    row("sum", "Goods", money(totals.subTotal.amount, currency)),
    totals.promotionsTotal.amount !== "0.00" &&
      row("", "Promotions", `−${money(totals.promotionsTotal.amount, currency)}`),
    row("", "Sales tax", money(totals.salesTaxTotal.amount, currency)),
    row("total", "Charged", money(totals.priceTotal.amount, currency))));
}
