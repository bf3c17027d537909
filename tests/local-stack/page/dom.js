// Document helpers of every part of the page: elements, templates, notices, dialogs.

import { t } from "./texts.js";

export const element = (id) => document.getElementById(id);

// Translates the marked texts below `root` into the user's language.
export function translate(root) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.textContent.trim());
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
}

export function fromTemplate(id) {
  const content = element(id).content.cloneNode(true);
  translate(content);
  return content.firstElementChild;
}

// An unchanged text is not written again, because screen readers would repeat it.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function make(tag, text, className) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

// Shows a notice; `kind` is "", "good" or "bad". An open dialog hides the rest of the page.
export function notify(kind, text) {
  const notice = element("notice");
  (document.querySelector("dialog[open]") ?? element("main")).prepend(notice);
  notice.role = kind === "bad" ? "alert" : "status";
  notice.className = `notice ${kind}`;
  setText(notice.querySelector("p"), text);
  notice.hidden = !text;
}

// Announces a change to users of screen readers.
export const announce = (text) => setText(element("live"), text);

// Runs a button's action, once at a time, and shows its error. The button stays enabled, because a
// disabled one would lose the focus.
export async function run(button, action) {
  if (button?.ariaBusy === "true") return;
  if (button) button.ariaBusy = "true";
  try {
    await action();
  } catch (error) {
    notify("bad", error.message);
  } finally {
    if (button) button.ariaBusy = null;
  }
}

export const onClick = (node, action) => node.addEventListener("click", () => run(node, action));

export const onSubmit = (form, action) => form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(event.submitter, action);
});

// Asks for confirmation before an action that cannot be undone.
export function confirm(title, text, label) {
  const dialog = element("confirm-dialog");
  setText(element("confirm-title"), title);
  setText(element("confirm-text"), text);
  setText(element("confirm-go"), label);
  return new Promise((resolve) => {
    const listening = new AbortController();
    const { signal } = listening;
    element("confirm-go").addEventListener("click", () => dialog.close("yes"), { signal });
    dialog.addEventListener("close", () => { listening.abort(); resolve(dialog.returnValue === "yes"); }, { signal });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

export function prepareDialogs() {
  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  element("notice").querySelector("button").addEventListener("click", () => notify("", ""));
}
