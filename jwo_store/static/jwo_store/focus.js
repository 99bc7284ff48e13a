// Where the keyboard is when a page has opened. Where a form was refused, it is in the first field that is wrong, and that
// is in view: it may be far down the page. Else it is where the page says; browsers that look for that while the theme
// still hides the page do not find it.
"use strict";

window.addEventListener("load", () => {
    const wrong = document.querySelector("form [aria-invalid=true]");
    if (wrong) {
        const field = wrong.nextElementSibling?.querySelector(".select2-selection") ?? wrong;
        field.focus({preventScroll: true});
        field.scrollIntoView({block: "center"});
    } else if (document.activeElement === document.body) {
        document.querySelector("form [autofocus]")?.focus({preventScroll: true});
    }
});
