/** The switches: what goes wrong, how often, for how long. */
import { ask, attempt, byId, h } from "/dom.js";

const OPTIONS = {
  seconds: ["Seconds", "number"], hours: ["Hours", "number"], retry_after: ["Retry-After (seconds)", "number"],
  status: ["Status", "number"], error: ["Amazon's words for it", "text"], location: ["Other address", "url"],
  copies: ["How often", "number"], failed_share: ["Share that fails, 0 to 1", "number"], word: ["Status word", "text"],
};
const ERRORS = [
  "InvalidRequestException", "UnknownShoppingTripException", "CartContentValidationFailedException",
  "CartOrderTotalInvalidException", "ShoppingTripExpiredException",
];
const GROUPS = {
  modes: [
    ["Amazon does not charge", (mode) => mode.side === "checkout" && mode.charging === "never"],
    ["Amazon charges, and then…", (mode) => mode.side === "checkout" && mode.charging !== "never"],
    ["Carts arrive strangely", (mode) => mode.side === "shopper"],
  ],
  "catalog-modes": [
    ["Calls go wrong", (mode) => mode.side === "catalog"],
    ["Ingestions end badly", (mode) => mode.side === "ingestions"],
    ["Reports go wrong", (mode) => ["links", "reports"].includes(mode.side)],
    ["Notices arrive strangely", (mode) => mode.side === "notices"],
  ],
};
const PLACES = { switches: "modes", "catalog-switches": "catalog-modes" };

let modes = [];

export async function openMisbehaviour() {
  const answer = await ask("GET", "misbehaviour");
  modes = answer.modes;
  for (const [place, groups] of Object.entries(GROUPS)) {
    byId(place).replaceChildren(...groups.map(([title, belongs]) => h("details", { className: "group" },
      h("summary", {}, title), modes.filter(belongs).map(drawMode))));
  }
  byId("modes").append(h("datalist", { id: "errors" }, ERRORS.map((name) => h("option", { value: name }))));
  drawSwitches(answer.switches);
  drawChecks(await ask("GET", "checks"));
  setInterval(() => document.hidden || attempt(refresh), 2000);
}

const refresh = async () => drawSwitches((await ask("GET", "misbehaviour")).switches);

function drawMode(mode) {
  const form = h("form", { className: "options" },
    input("times", "Next calls only", "number", { min: 1, placeholder: "all" }),
    input("share", "Share of calls, %", "number", { min: 1, max: 100, placeholder: "100" }),
    ["checkout", "shopper"].includes(mode.side) && input("trip_id", "Only this trip", "text", { placeholder: "any" }),
    mode.calls.length > 1 && drawCalls(mode),
    mode.takes.map((name) => input(name, ...OPTIONS[name], name === "error" ? (mode.side === "checkout" ? { list: "errors" } : {}) : { min: 0, step: "any" })),
    h("button", { type: "submit", className: "primary" }, "Switch on"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => turnOn(mode, form));
  });
  return h("details", { className: "mode" },
    h("summary", {},
      h("span", { className: "what" }, h("b", {}, mode.title), h("small", {}, mode.explanation)),
      h("button", {
        type: "button",
        onclick: (event) => { event.preventDefault(); attempt(() => turnOn(mode, form)); },
      }, "On")),
    form);
}

const drawCalls = (mode) => h("label", {}, "Only for", h("select", { name: "call" },
  h("option", { value: "" }, "all"), mode.calls.map((call) => h("option", {}, call))));

const input = (name, words, type, more = {}) =>
  h("label", {}, words, setAll(h("input", { name, type, autocomplete: "off" }), more));

function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function turnOn(mode, form) {
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  const isNumber = (name) => form.elements[name].type === "number";
  const wanted = Object.fromEntries(given.map(([name, value]) => [name, isNumber(name) ? Number(value) : value]));
  if (wanted.share) wanted.share /= 100;
  await ask("POST", "misbehaviour", { mode: mode.name, ...wanted });
  await refresh();
}

async function turnOff(id) {
  await ask("DELETE", `misbehaviour?id=${id}`);
  await refresh();
}

async function turnAllOff(switches) {
  for (const { id } of switches) await ask("DELETE", `misbehaviour?id=${id}`);
  await refresh();
}

function drawSwitches(switches) {
  const on = switches.filter((one) => !one.used_up);
  for (const [place, table] of Object.entries(PLACES)) {
    const here = on.filter((one) => GROUPS[table].some(([, belongs]) => belongs(modeOf(one))));
    byId(place).replaceChildren(...here.map(drawSwitch), ...(here.length > 1
      ? [h("button", { type: "button", className: "quiet", onclick: () => attempt(() => turnAllOff(here)) }, "All off")] : []));
    byId(place).hidden = !here.length && place !== "switches";
  }
  if (!byId("switches").children.length) {
    const words = on.length ? "Only the catalog misbehaves." : "All is well: nothing is switched on.";
    byId("switches").append(h("span", { className: "chip" }, words));
  }
}

const modeOf = (one) => modes.find((mode) => mode.name === one.mode);

function drawSwitch(one) {
  const { title } = modeOf(one);
  const words = [
    title, one.times && `next ${one.times - one.applied}`, one.share < 1 && `${Math.round(one.share * 100)} % of calls`,
    one.seconds !== undefined && `${one.seconds} s`, one.hours !== undefined && `${one.hours} h`,
    one.error, one.status, one.retry_after !== undefined && `Retry-After ${one.retry_after}`,
    one.copies && `${one.copies}×`, one.failed_share !== undefined && `${one.failed_share} of the items`, one.word,
    one.call && `only ${one.call}`, one.trip_id && `trip ${one.trip_id}`, one.applied > 0 && `met ${one.applied}×`,
  ].filter(Boolean).join(" · ");
  return h("span", { className: "chip on" }, words,
    h("button", { type: "button", className: "bare", ariaLabel: `Switch off ${title}`, onclick: () => attempt(() => turnOff(one.id)) }, "✕"));
}

function drawChecks(checks) {
  const save = (change) => attempt(async () => drawChecks(await ask("POST", "checks", change)));
  const minutes = checks.trip_expires_after === null ? "" : checks.trip_expires_after / 60;
  byId("checks").replaceChildren(h("details", { className: "group" }, h("summary", {}, "How strict Amazon is"),
    h("label", { className: "check" },
      h("input", {
        type: "checkbox", checked: checks.cross_check, onchange: (event) => save({ cross_check: event.target.checked }),
      }), "The lines must add up to the totals"),
    h("label", { className: "check" }, "A trip expires after ",
      h("input", {
        type: "number", min: "0", step: "any", value: minutes, placeholder: "never", size: 6,
        onchange: (event) => save({ trip_expires_after: event.target.value === "" ? null : event.target.value * 60 }),
      }), " minutes")));
}
