// The transactions of all banks: search by date, page by page, and the months in a chart.

import { items, pageOf } from "./api.js";
import { showMonths } from "./chart.js";
import { element, fromTemplate, notify, onClick, onSubmit, setText } from "./dom.js";
import { money, negative } from "./exact.js";
import { accounts, nameOf } from "./links.js";
import { language, longDay, t } from "./texts.js";

const ROWS = 20;
const MOST_ROWS = 500;
const MONTHS = 6;
// More rows would keep the user waiting; the chart says if it stops early.
const CHART_PAGES = 20;

let links = [];
let cursor = null;
let shown = 0;
let seen = "";
// Responses may overtake each other, so only those to the latest request count.
let questions = 0;

export function prepareStatement() {
  const today = new Date();
  const first = new Date(today.getFullYear(), today.getMonth() - MONTHS + 1, 1);
  element("from").value = [first.getFullYear(), String(first.getMonth() + 1).padStart(2, "0"), "01"].join("-");
  onSubmit(element("search"), () => load(ROWS));
  onClick(element("more"), more);
  // The accounts' names may arrive after their transactions.
  element("links").addEventListener("accounts", () => seen && load(Math.max(shown, ROWS)).catch(tell));
}

// Reads again when a link has new transactions, and keeps the number of rows shown.
export function followLinks(current) {
  // Before the first sync, an empty list does not mean that there are no transactions.
  links = current.filter(({ resources }) => resources?.transactions.rows || resources?.transactions.state === "ready");
  element("statement").hidden = links.length === 0;
  const news = JSON.stringify(links.map(({ link_id, status, resources: { transactions } }) =>
    [link_id, status, transactions.rows, transactions.as_of]));
  if (news === seen) return;
  seen = news;
  if (links.length) load(Math.max(shown, ROWS)).catch(tell);
}

const tell = (error) => notify("bad", error.message);

function query(limit) {
  const chosen = new URLSearchParams({ limit });
  for (const name of ["from", "to"]) if (element(name).value) chosen.set(name, element(name).value);
  return `/transactions?${chosen}`;
}

async function load(limit) {
  questions += 1;
  const question = questions;
  const page = await pageOf(query(Math.min(limit, MOST_ROWS)), null);
  if (question !== questions) return;
  element("days").replaceChildren();
  shown = 0;
  append(page);
  const movements = [];
  for await (const movement of items(query(MOST_ROWS), CHART_PAGES)) movements.push(movement);
  if (question === questions) chart(movements);
}

async function more() {
  const question = questions;
  const page = await pageOf(query(ROWS), cursor);
  if (question === questions) append(page);
}

function append({ items, next_cursor }) {
  for (const movement of items) {
    let day = element("days").lastElementChild;
    if (day?.dataset.day !== movement.value_date) element("days").append(day = newDay(movement.value_date));
    day.querySelector("ul").append(row(movement));
  }
  shown += items.length;
  cursor = next_cursor;
  element("more").hidden = !cursor;
  element("nothing-found").hidden = shown > 0;
}

function newDay(date) {
  const day = fromTemplate("day-template");
  day.dataset.day = date;
  setText(day.querySelector("h3"), date ? longDay(date) : t("Sem data"));
  return day;
}

function row({ link_id, account_id, description, amount, currency, type, status }) {
  const line = fromTemplate("movement-template");
  const link = links.find((link) => link.link_id === link_id);
  setText(line.querySelector(".description"), description ?? t("Movimentação"));
  const pending = status === "PENDING" && t("pendente");
  const where = [links.length > 1 && link && nameOf(link), accounts.get(account_id)?.label, pending];
  setText(line.querySelector(".where"), where.filter(Boolean).join(" · "));
  const isIn = type === "INFLOW";
  setText(line.querySelector(".way"), t(isIn ? "entrada" : "saída"));
  setText(line.querySelector("strong"), money(isIn ? amount : negative(amount), currency, language));
  line.querySelector(".money").classList.toggle("in", isIn);
  return line;
}

function chart(movements) {
  // A card purchase leaves the account when the bill is paid; counting it here would count it
  // twice.
  const counted = movements.filter(({ account_id }) => accounts.get(account_id)?.category !== "CREDIT_CARD");
  showMonths(counted, movements.length < CHART_PAGES * MOST_ROWS);
}
