// Erasure of one bank or of everything, and the receipt with its progress.

import { get, remove } from "./api.js";
import { confirm, element, make, notify, setText } from "./dom.js";
import { inLanguage, moment, number, t } from "./texts.js";

const KINDS = {
  OWNERS: "Titulares",
  ACCOUNTS: "Contas",
  TRANSACTIONS: "Movimentações",
  BILLS: "Faturas",
  INVESTMENTS: "Investimentos",
  INVESTMENT_TRANSACTIONS: "Movimentações de investimentos",
};
const USUAL_SECONDS = 5;

// Asks for confirmation, deletes, and shows the receipt.
export async function erase(path, title, text, label) {
  if (!await confirm(title, text, label)) return;
  notify("", "");
  const receipt = await remove(path);
  showReceipt(receipt);
  const dialog = element("receipt-dialog");
  dialog.showModal();
  // The button may have vanished together with its bank.
  dialog.addEventListener("close", () => element("main").focus(), { once: true });
  dispatchEvent(new Event("changed"));
  follow(receipt.receipt_id);
}

// Polls until the erasure is complete or the receipt is closed; it stays readable at
// /receipts/{id}.
async function follow(id) {
  const dialog = element("receipt-dialog");
  while (dialog.open && element("receipt-id").textContent === id) {
    const look = await get(`/receipts/${encodeURIComponent(id)}`).catch(() => null);
    if (look) showReceipt(look.value);
    if (look?.value.status === "complete") return;
    await new Promise((resolve) => setTimeout(resolve, 1000 * (look?.retryAfter ?? USUAL_SECONDS)));
  }
}

function showReceipt({ receipt_id, text, requested_at, purged_at, confirmed_at, rows }) {
  setText(element("receipt-text"), inLanguage(text));
  setText(element("receipt-id"), receipt_id);
  const steps = { requested: requested_at, purged: purged_at, confirmed: confirmed_at };
  for (const [step, at] of Object.entries(steps)) {
    const line = document.querySelector(`[data-step="${step}"]`);
    line.classList.toggle("done", Boolean(at));
    setText(line.querySelector("time"), at ? moment(at) : t("em andamento"));
  }
  const counted = Object.entries(KINDS).filter(([kind]) => rows[kind]);
  element("receipt-rows").replaceChildren(...counted.flatMap(([kind, label]) => [make("dt", t(label)), make("dd", number(rows[kind]))]));
}
