// Names that the theme's own widgets lack, so that a screen reader can say in which field somebody is: those of select2,
// which searches while one types (and makes a list of what is none), the cells of tables of fields, and the "…" behind
// which a phone hides a page's links. The menu's pictures are words to a screen reader, so it is not told of them.
"use strict";

function nameSearchable(container) {
    const select = container.previousElementSibling?.closest("select") ?? container.parentElement.querySelector("select");
    const label = select && document.querySelector(`label[for="${select.id}"]`);
    const name = (label?.textContent ?? select?.getAttribute("aria-label") ?? "Choose").trim().replace(/\*$/, "");
    container.querySelectorAll("input.select2-search__field, [role=combobox], [role=textbox]").forEach((part) => {
        part.setAttribute("aria-label", name);
        part.removeAttribute("aria-labelledby");
    });
    container.querySelectorAll("ul.select2-selection__rendered, ul.select2-selection__rendered > li").forEach((part) => {
        part.setAttribute("role", "none");
    });
}

function nameCell(field) {
    const cell = field.closest("td");
    const heading = cell?.closest("table")?.querySelector("thead tr")?.children[cell.cellIndex];
    const name = heading?.textContent.trim().split("\n")[0].replace(/\*$/, "");
    if (name && !field.hasAttribute("aria-label")) field.setAttribute("aria-label", name);
}

function nameMore(opener) {
    opener.setAttribute("aria-label", "More");
    opener.setAttribute("role", "button");
}

function nameAll(root) {
    root.querySelectorAll?.("#header-inner a[href='#']").forEach(nameMore);
    root.querySelectorAll?.("#nav-sidebar li .material-symbols-outlined").forEach((picture) => {
        picture.setAttribute("aria-hidden", "true");
    });
    root.querySelectorAll?.(".select2-container").forEach(nameSearchable);
    root.closest?.(".select2-container") && nameSearchable(root.closest(".select2-container"));
    root.querySelectorAll?.("tr.form-row td :is(select, input:not([type=hidden]), textarea)").forEach(nameCell);
}

document.addEventListener("DOMContentLoaded", () => {
    nameAll(document);
    new MutationObserver((changes) => {
        for (const change of changes) for (const added of change.addedNodes) nameAll(added);
    }).observe(document.body, {childList: true, subtree: true});
});
