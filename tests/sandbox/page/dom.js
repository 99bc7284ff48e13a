/** Small helpers of the page: elements, the control API, texts. */

/** An element with properties and children; texts are never read as markup. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...shown(children));
  return element;
}

/** The children that are there: what a condition left out is not shown. */
export const shown = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false);

export const byId = (id) => document.getElementById(id);

/** Ask the control API; an Error carries its words. */
export async function ask(method, path, body) {
  const options = body === undefined ? { method } : {
    method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  };
  let response;
  try {
    response = await fetch(`/control/${path}`, options);
  } catch {
    throw new Error("The sandbox does not answer. Is it still running?");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || answer.message);
  return answer;
}

/** Say what went wrong at the top of the page, or nothing when all is well. */
export function notice(text = "") {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

/** Run something that asks the sandbox, and say what went wrong. */
export async function attempt(action) {
  try {
    await action();
    notice();
  } catch (problem) {
    notice(problem.message);
  }
}

export function money(amount, currency) {
  // A text goes in as it is: no binary number ever stands for money, not even here.
  return new Intl.NumberFormat("en-US", { style: "currency", currency }).format(amount);
}

export const timeOf = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

/** A quantity as people write it: 2 for "2.0". */
export const quantityText = (value) => value.replace(/\.0+$/, "");

export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** Texts one below the other. */
export const list = (texts) => h("ul", {}, texts.map((text) => h("li", {}, text)));
