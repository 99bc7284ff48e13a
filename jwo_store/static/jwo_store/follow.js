// Follows a job: while its page says so, the page's content is taken anew every two seconds, in place, and what had the
// keyboard has it again.
"use strict";

const EVERY = 2000;
const reachable = (content) => [...content.querySelectorAll("a[href], button, input, select, summary")];

async function follow() {
    const shown = document.querySelector("#content");
    const answer = await fetch(location.href).catch(() => null);
    const text = answer?.ok ? await answer.text() : "";
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("#content");
    if (fresh) {
        const place = reachable(shown).indexOf(document.activeElement);
        shown.replaceWith(document.importNode(fresh, true));
        reachable(document.querySelector("#content"))[place]?.focus();
    }
    followOn();
}

function followOn() {
    if (document.querySelector("#content [data-follow]")) setTimeout(follow, EVERY);
}

followOn();
