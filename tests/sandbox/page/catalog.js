/** The catalog as Amazon holds it: items by store, ingestions with a way to end them, notices and their queue. */
import { ask, attempt, byId, h, list, plural, shown, timeOf } from "/dom.js";

const SHOWN = 8;
const NAMED = 3;
const DOTS = { DONE: ["ordered", "✓"], FATAL: ["refused", "✕"], CANCELLED: ["refused", "✕"] };
const SUBSCRIPTIONS = {
  Unknown: "not asked for yet", Pending: "waiting for the back office to confirm", Complete: "confirmed",
};

let told = "";

export function openCatalog() {
  byId("ask-again").addEventListener("click", () => change("subscription", {}));
  follow();
  setInterval(follow, 2000);
}

const follow = () => document.hidden || attempt(refresh);

const change = (path, document) => attempt(async () => {
  await ask("POST", path, document);
  await refresh();
});

async function refresh() {
  const catalog = await ask("GET", `catalog?limit=${SHOWN}`);
  delete catalog.calls.by_second; // which changes all the time and is not shown
  if (JSON.stringify(catalog) === told) return; // so that nothing moves under the pointer
  told = JSON.stringify(catalog);
  byId("holdings").replaceChildren(...catalog.stores.map(drawStore));
  drawNotices(catalog);
  byId("ingestions").replaceChildren(...catalog.ingestions.map(drawIngestion));
  if (!catalog.ingestions.length) byId("ingestions").append(h("li", { className: "empty" }, "Nothing has been uploaded yet."));
}

function drawStore(store) {
  const count = (number, className) => h("td", { className: number ? className : "none" }, String(number));
  return h("tr", {}, h("th", { scope: "row" }, store.store_id),
    count(store.live, ""), count(store.archived, ""), count(store.refused, "warn"));
}

function drawNotices({ subscription, queue, calls }) {
  const lost = Object.entries(subscription.undelivered).map(([why, count]) => `${count} not sent (${why})`);
  const { upload = 0, archive = 0, status = 0 } = calls.by_kind;
  const asked = [plural(upload, "upload"), archive && plural(archive, "archive call"), plural(status, "status call")];
  byId("notices").replaceChildren(
    h("div", {}, `Notices: ${SUBSCRIPTIONS[subscription.status]}`),
    h("div", {}, `Queue: ${[`${queue.visible} waiting`, `${queue.in_flight} in work`, ...lost].join(" · ")}`),
    h("div", {}, `Calls: ${[...asked, calls.throttled && `${calls.throttled} too many`].filter(Boolean).join(" · ")}`));
  byId("ask-again").hidden = subscription.status === "Complete";
}

function drawIngestion(one) {
  const [className, sign] = DOTS[one.status] ?? ["waiting", "…"];
  const isOpen = !DOTS[one.status];
  const words = [one.status, one.failed > 0 && `${one.failed} failed: ${namesOf(one.failures)}`].filter(Boolean).join(" · ");
  return h("li", {},
    h("button", { type: "button", onclick: () => showDetails(one) },
      h("span", { className: `dot ${className}` }, sign),
      h("span", { className: "what" },
        h("b", {}, one.kind === "archive" ? "Archive" : "Upload"),
        ` ${plural(one.items, "item")} · ${timeOf(one.taken_at)}`,
        h("small", { className: one.failed ? "warn" : "" }, words),
        one.mode && h("small", { className: "warn" }, one.mode.replaceAll("_", " ")))),
    isOpen && h("div", { className: "actions" }, end(one, "DONE", "Finish now"), end(one, "FATAL", "Fail")));
}

function namesOf(failures) {
  const names = [...new Set(failures.map((one) => one.sku))];
  return names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ", …" : "");
}

const end = (one, status, words) => h("button", {
  type: "button", onclick: () => change("ingestions", { ingestion_id: one.ingestion_id, status }),
}, words);

function showDetails(one) {
  const dialog = byId("details");
  const more = one.failed - one.failures.length;
  dialog.firstElementChild.replaceChildren(...shown([
    h("div", { className: "section-head" }, h("h2", {}, one.kind === "archive" ? "Archive call" : "Upload"),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    h("p", { className: "id" }, one.ingestion_id),
    h("p", {}, `${one.status} · ${plural(one.items, "item")} · ${one.failed} failed`),
    one.failed > 0 && h("h3", {}, "Items that failed"),
    one.failed > 0 && list(one.failures.map(tellFailure)),
    more > 0 && h("p", { className: "hint" }, `and ${more} more`),
    h("h3", {}, "Calls"),
    list(one.calls.map(tellCall)),
  ]));
  dialog.showModal();
}

const tellFailure = (one) => [one.sku, one.store_id, one.code, one.message].filter(Boolean).join(" · ");

const tellCall = (one) => [
  timeOf(one.at), one.call, one.status ?? "answer lost", one.error, one.mode && `(switch: ${one.mode})`,
  `content ${one.sha256.slice(0, 8)}`,
].filter(Boolean).join(" · ");
