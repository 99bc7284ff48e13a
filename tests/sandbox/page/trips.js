/** The log of recent trips, with everything of one trip on request. */
import { ask, attempt, byId, h, list, money, plural, shown, timeOf } from "/dom.js";
import { drawReceipt } from "/gates.js";

const SHOWN = 25;
const STATES = { ordered: "✓", refused: "✕", empty: "○", waiting: "…" };

let shop;
let newest = 0;
let trips = new Map();

export function openTrips(theShop) {
  shop = theShop;
  byId("reset").addEventListener("click", () => attempt(forgetAll));
  byId("details").addEventListener("click", (event) => {
    if (event.target === byId("details")) byId("details").close();
  });
  follow();
  setInterval(follow, 1500);
}

const follow = () => document.hidden || attempt(refresh);

async function forgetAll() {
  if (!confirm("Forget every trip and order, and switch off all misbehaviour?")) return;
  await ask("POST", "reset", {});
  location.reload();
}

async function refresh() {
  const answer = await ask("GET", `trips?after=${newest}&limit=${SHOWN}`);
  if (answer.revision < newest) { // the sandbox was started afresh
    newest = 0;
    trips = new Map();
    return;
  }
  if (answer.revision === newest) return;
  newest = answer.revision;
  for (const trip of answer.trips) trips.set(trip.trip_id, trip);
  const recent = [...trips.values()].sort((a, b) => b.registered_at - a.registered_at).slice(0, SHOWN);
  trips = new Map(recent.map((trip) => [trip.trip_id, trip]));
  byId("trips").replaceChildren(...recent.map(drawTrip));
  drawTotals(await ask("GET", "ledger"));
}

function drawTotals(ledger) {
  const charged = Object.entries(ledger.charged).map(([currency, amount]) => money(amount, currency)).join(" and ");
  const parts = [
    plural(ledger.trips, "trip"), plural(ledger.orders, "order"), charged && `${charged} charged`,
    ledger.empty && `${ledger.empty} empty`, ledger.waiting && `${ledger.waiting} waiting`,
    ledger.refused && `${ledger.refused} refused`,
    ledger.charged_more_than_once && `${ledger.charged_more_than_once} charged twice!`,
    ledger.overlapping_calls && `${plural(ledger.overlapping_calls, "call")} overlapped!`,
  ];
  const strays = Object.entries(ledger.strays).map(([name, count]) => `${count} × ${name}`);
  if (strays.length) parts.push(`calls for no trip: ${strays.join(", ")}`);
  byId("totals").textContent = parts.filter(Boolean).join(" · ");
}

function drawTrip(trip) {
  const outcome = {
    ordered: () => `${money(trip.charged, trip.currency)} · ${trip.order_ids.join(", ")}`,
    refused: () => trip.refusal.name,
    empty: () => "walked out with nothing",
    waiting: () => (trip.calls ? `waiting, ${plural(trip.calls, "call")} so far` : "waiting for the priced cart"),
  }[trip.state]();
  return h("li", {}, h("button", { type: "button", onclick: () => attempt(() => showDetails(trip.trip_id)) },
    h("span", { className: `dot ${trip.state}`, title: trip.state }, STATES[trip.state]),
    h("span", { className: "what" },
      h("b", {}, trip.gate ?? trip.run ?? "sent by another"), ` ${plural(trip.lines, "line")} · ${timeOf(trip.registered_at)}`,
      h("small", {}, outcome),
      trip.modes.length > 0 && h("small", { className: "warn" }, trip.modes.join(", ").replaceAll("_", " ")))));
}

async function showDetails(id) {
  const { trips: [trip] } = await ask("GET", `trips?trip_id=${encodeURIComponent(id)}`);
  if (!trip) return;
  const dialog = byId("details");
  dialog.firstElementChild.replaceChildren(...shown([
    h("div", { className: "section-head" }, h("h2", {}, "Trip"),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    h("p", { className: "id" }, trip.trip_id),
    h("p", {}, `Store ${trip.store_id} · purchase ${trip.purchase_id || "none"} · order ${trip.order_ids.join(", ") || "none"}`),
    trip.receipt && drawReceipt(trip.receipt, trip.currency, shop),
    h("h3", {}, "Cart sent to the shop"),
    trip.sendings.length ? list(trip.sendings.map(tellSending)) : h("p", { className: "hint" }, "Sent by somebody else."),
    h("h3", {}, "Calls to the Checkout Service"),
    trip.checkout_calls.length ? list(trip.checkout_calls.map(tellCall)) : h("p", { className: "hint" }, "None."),
    trip.overlapping_calls > 0 && h("p", { className: "warn" }, "Two calls were under way at once."),
    trip.different_bodies > 1 && h("p", { className: "warn" }, `${trip.different_bodies} different contents were sent.`),
    h("details", {}, h("summary", {}, "The cart as it was sent"),
      h("pre", {}, JSON.stringify(trip.cart, null, 2))),
  ]));
  dialog.showModal();
}

const tellSending = (one) =>
  `${timeOf(one.at)}  ${one.status ?? "no answer"} in ${Math.round(one.seconds * 1000)} ms  ${one.answer}`;

const tellCall = (one) => [
  timeOf(one.at), one.status ?? "no whole answer", one.error, one.message, one.mode && `(switch: ${one.mode})`,
  `content ${one.sha256.slice(0, 8)}`,
].filter(Boolean).join("  ");
