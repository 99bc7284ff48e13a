/** The switches: what goes wrong, how often, for how long. */
import { ask, attempt, byId, h } from "/dom.js";

const OPTIONS = {
  seconds: ["Seconds", "number"], hours: ["Hours", "number"], retry_after: ["Retry-After (seconds)", "number"],
  status: ["Status", "number"], error: ["Amazon's name for it", "text"], location: ["Other address", "url"],
};
const ERRORS = [
  "InvalidRequestException", "UnknownShoppingTripException", "CartContentValidationFailedException",
  "CartOrderTotalInvalidException", "ShoppingTripExpiredException",
];
const GROUPS = [
  ["Amazon does not charge", (mode) => mode.side === "checkout" && mode.charging === "never"],
  ["Amazon charges, and then…", (mode) => mode.side === "checkout" && mode.charging !== "never"],
  ["Carts arrive strangely", (mode) => mode.side === "shopper"],
];

let modes = [];

export async function openMisbehaviour() {
  const answer = await ask("GET", "misbehaviour");
  modes = answer.modes;
  byId("modes").replaceChildren(
    h("datalist", { id: "errors" }, ERRORS.map((name) => h("option", { value: name }))),
    ...GROUPS.map(([title, belongs]) => h("details", { className: "group" },
      h("summary", {}, title), modes.filter(belongs).map(drawMode))));
  drawSwitches(answer.switches);
  drawChecks(await ask("GET", "checks"));
  setInterval(() => document.hidden || attempt(refresh), 2000);
}

const refresh = async () => drawSwitches((await ask("GET", "misbehaviour")).switches);

function drawMode(mode) {
  const form = h("form", { className: "options" },
    input("times", "Next calls only", "number", { min: 1, placeholder: "all" }),
    input("share", "Share of calls, %", "number", { min: 1, max: 100, placeholder: "100" }),
    input("trip_id", "Only this trip", "text", { placeholder: "any" }),
    mode.takes.map((name) => input(name, ...OPTIONS[name], name === "error" ? { list: "errors" } : { min: 0, step: "any" })),
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
  await ask("DELETE", id === undefined ? "misbehaviour" : `misbehaviour?id=${id}`);
  await refresh();
}

function drawSwitches(switches) {
  const on = switches.filter((one) => !one.used_up);
  byId("switches").replaceChildren(...on.map(drawSwitch), ...(on.length > 1
    ? [h("button", { type: "button", className: "quiet", onclick: () => attempt(() => turnOff()) }, "All off")] : []));
  if (!on.length) byId("switches").append(h("span", { className: "chip" }, "All is well: nothing is switched on."));
}

function drawSwitch(one) {
  const title = modes.find((mode) => mode.name === one.mode)?.title ?? one.mode;
  const words = [
    title, one.times && `next ${one.times - one.applied}`, one.share < 1 && `${Math.round(one.share * 100)} % of calls`,
    one.seconds !== undefined && `${one.seconds} s`, one.hours !== undefined && `${one.hours} h`,
    one.error, one.status, one.retry_after !== undefined && `Retry-After ${one.retry_after}`,
    one.trip_id && `trip ${one.trip_id}`, one.applied > 0 && `met ${one.applied}×`,
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
