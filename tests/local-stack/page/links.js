// The connected banks: the user's next action, accounts, readiness, consent, refresh and
// disconnect.

import { get, items, post } from "./api.js";
import { BANKS, openDialog, openPortal } from "./connect.js";
import { announce, element, fromTemplate, make, notify, onClick, setText } from "./dom.js";
import { erase } from "./erase.js";
import { money } from "./exact.js";
import { ago, count, day, guidance, language, t, time } from "./texts.js";

const STATES = {
  awaiting_owner: ["", "Conferindo"],
  awaiting_proof: ["", "Conferindo"],
  quarantined: ["bad", "Bloqueado"],
  loading: ["", "Recebendo dados"],
  ready: ["good", "Em dia"],
  needs_user: ["wait", "Precisa de você"],
  replaced: ["", "Substituída"],
  gone: ["bad", "Desconectado"],
};
const RESOURCES = {
  owners: "Titulares",
  accounts: "Contas",
  transactions: "Movimentações",
  bills: "Faturas",
  investments: "Investimentos",
  investment_transactions: "Movimentações de investimentos",
};
const READINESS = {
  waiting: ["", "aguardando o banco"],
  syncing: ["", "recebendo"],
  ready: ["good", "pronto"],
  settling: ["wait", "o banco está trocando os itens"],
  partial: ["wait", "pronto, com itens recusados"],
  unavailable: ["bad", "não foi possível ler"],
  not_requested: ["", "não pedido"],
};
const IS_THERE = ["ready", "settling", "partial", "not_requested"];
const PERMISSIONS = {
  REGISTER: "Dados cadastrais",
  ACCOUNTS: "Contas, saldos e extratos",
  CREDIT_CARDS: "Cartões de crédito e faturas",
  CREDIT_OPERATIONS: "Empréstimos e financiamentos",
  INVESTMENTS: "Investimentos",
};
const CATEGORIES = {
  CHECKING_ACCOUNT: "Conta corrente",
  SAVINGS_ACCOUNT: "Poupança",
  CREDIT_CARD: "Cartão de crédito",
  LOAN_ACCOUNT: "Empréstimo",
  INVESTMENT_ACCOUNT: "Conta de investimento",
  PENSION_FUND_ACCOUNT: "Previdência",
};
// The button of each next action; waiting and calling the bank need none.
const REMEDIES = {
  renew_consent: ["Renovar autorização", (link) => openPortal({ mode: "renew", link_id: link.link_id })],
  reconnect: ["Conectar de novo", reconnect],
  check_details: ["Conectar de novo", reconnect],
  try_again: ["Conectar de novo", reconnect],
  choose_another_bank: ["Escolher outro banco", () => openDialog({})],
};

function reconnect({ institution, holder }) {
  openDialog({ institution: institution.name, holder });
}

// Every account of every link by its id, because a transaction has only an `account_id`.
export const accounts = new Map();

// One card for each link, kept in place so that focus and unfolded parts survive an update.
export function showLinks(links) {
  const cards = element("links");
  links = links.toSorted((a, b) => (a.connected_at ?? "").localeCompare(b.connected_at ?? ""));
  for (const card of [...cards.children]) {
    if (!links.some((link) => link.link_id === card.dataset.link)) card.remove();
  }
  for (const link of links) {
    let card = [...cards.children].find((card) => card.dataset.link === link.link_id);
    if (!card) cards.append(card = newCard(link));
    show(card, link);
  }
  element("none").hidden = links.length > 0;
}

// The consent brings the bank's own name.
export const nameOf = ({ institution: { name, display_name } }) => display_name ?? BANKS[name] ?? name ?? t("Banco");

function newCard(link) {
  const card = fromTemplate("link-template");
  card.dataset.link = link.link_id;
  // A card outlives the link object that made it, so a click uses the latest one.
  card.link = link;
  const heading = `bank-${link.link_id}`;
  card.querySelector("h2").id = heading;
  card.setAttribute("aria-labelledby", heading);
  // Every card has the same buttons, so their accessible names include the bank.
  for (const button of card.querySelectorAll("button")) button.setAttribute("aria-describedby", heading);
  for (const name of Object.keys(RESOURCES)) {
    const row = fromTemplate("resource-template");
    row.dataset.resource = name;
    setText(row.querySelector(".name"), t(RESOURCES[name]));
    card.querySelector(".readiness ul").append(row);
  }
  onClick(card.querySelector(".advice button"), () => REMEDIES[card.link.next_action.action][1](card.link));
  onClick(card.querySelector(".renew"), () => REMEDIES.renew_consent[1](card.link));
  onClick(card.querySelector(".refresh"), () => refresh(card));
  onClick(card.querySelector(".disconnect"), () => disconnect(card.link));
  return card;
}

function show(card, link) {
  card.link = link;
  const name = nameOf(link);
  setText(card.querySelector(".initial"), name.slice(0, 1));
  setText(card.querySelector("h2"), name);
  const holder = { individual: t("Pessoa física"), company: t("Empresa") }[link.holder];
  const since = link.connected_at && t("conectado em {day}", { day: day(link.connected_at) });
  const twice = link.duplicate_of && t("mesma conta de outra conexão");
  setText(card.querySelector(".since"), [holder, since, twice].filter(Boolean).join(" · "));
  badge(card.querySelector(".state"), STATES[link.status] ?? ["", link.status]);
  showAdvice(card.querySelector(".advice"), link);
  showReadiness(card, link);
  showConsent(card.querySelector(".consent"), link);
  showRefresh(card.querySelector(".refresh"), ["loading", "ready"].includes(link.status) && link.refresh);
}

function badge(node, [kind, text]) {
  const className = `state ${kind}`;
  if (node.className !== className) node.className = className;
  setText(node, t(text));
}

// ── What the user must do ─────────────────────────────────────────────────────────────────────

function showAdvice(panel, { next_action }) {
  const advice = guidance(next_action);
  panel.hidden = next_action.action === "none";
  panel.classList.toggle("calm", ["wait", "wait_until"].includes(next_action.action));
  setText(panel.querySelector(".cause"), advice.cause);
  setText(panel.querySelector(".text"), advice.text);
  const remedy = REMEDIES[next_action.action];
  const button = panel.querySelector("button");
  button.hidden = !remedy;
  setText(button, remedy ? t(remedy[0]) : "");
}

// ── Data ──────────────────────────────────────────────────────────────────────────────────────

function showReadiness(card, { resources, link_id, ...link }) {
  const panel = card.querySelector(".readiness");
  panel.hidden = !resources;
  if (!resources) return card.querySelector(".accounts").replaceChildren();
  const names = Object.keys(RESOURCES);
  const ready = names.filter((name) => IS_THERE.includes(resources[name].state)).length;
  for (const name of names) {
    const row = panel.querySelector(`[data-resource="${name}"]`);
    const { state, rows, as_of } = resources[name];
    badge(row.querySelector(".state"), READINESS[state] ?? ["", state]);
    const age = as_of && ago(as_of);
    setText(row.querySelector(".count"), [rows || age ? count(rows, "item", "itens") : "", age].filter(Boolean).join(" · "));
  }
  const summary = ready === names.length ? t("Todos os dados recebidos") : t("{ready} de {all} prontos", { ready, all: names.length });
  const label = panel.querySelector("summary span");
  if (label.textContent && label.textContent !== summary) announce(`${nameOf(link)}: ${summary}`);
  setText(label, summary);
  const progress = panel.querySelector("progress");
  progress.value = ready;
  progress.hidden = ready === names.length;
  progress.setAttribute("aria-label", t("Dados recebidos"));
  // Unfolded while it has content, unless the user has folded it.
  if (panel.dataset.was === undefined) panel.open = ready < names.length;
  panel.dataset.was = ready;
  const news = JSON.stringify([resources.accounts.rows, resources.accounts.as_of]);
  if (card.dataset.accounts !== news) {
    card.dataset.accounts = news;
    showAccounts(card.querySelector(".accounts"), link_id).catch((error) => notify("bad", error.message));
  }
}

async function showAccounts(list, linkId) {
  const found = [];
  for await (const account of items(`/links/${encodeURIComponent(linkId)}/accounts`)) found.push(account);
  const place = ({ category }) => Object.keys(CATEGORIES).indexOf(category);
  found.sort((a, b) => place(a) - place(b));
  list.replaceChildren(...found.map(accountRow));
  list.dispatchEvent(new Event("accounts", { bubbles: true }));
}

function accountRow({ id, balance, balance_type, category, currency, ...account }) {
  const name = account.name ?? t(CATEGORIES[category] ?? "Conta");
  const number = account.number ? `••••\u00a0${account.number.slice(-4)}` : "";
  accounts.set(id, { category, label: `${name} ${number}`.trim() });
  const row = fromTemplate("account-template");
  setText(row.querySelector(".name"), name);
  setText(row.querySelector(".number"), number);
  setText(row.querySelector("strong"), money(balance?.current, currency, language));
  const label = balance_type === "LIABILITY" ? t(category === "CREDIT_CARD" ? "em uso" : "a pagar") : t("saldo");
  setText(row.querySelector(".money span"), balance ? label : "");
  return row;
}

// ── Consent ───────────────────────────────────────────────────────────────────────────────────

function showConsent(panel, { consent, next_action, duplicate_of }) {
  panel.hidden = !consent;
  if (!consent) return;
  // One button for each action; a link that was replaced needs none.
  panel.querySelector(".renew").hidden = next_action.action === "renew_consent" || Boolean(duplicate_of);
  setText(panel.querySelector("summary"), validity(consent));
  const groups = Object.keys(consent.permissions ?? {}).filter((group) => PERMISSIONS[group]);
  panel.querySelector("ul").replaceChildren(...groups.map((group) => make("li", t(PERMISSIONS[group]))));
}

function validity({ status, expires_at, days_left, indefinite }) {
  if (status === "EXPIRED") return t("Autorização vencida");
  if (status !== "AUTHORISED" && status) return t("Autorização não confirmada");
  if (indefinite) return t("Autorização por prazo indeterminado");
  if (!expires_at) return t("Autorização");
  const left = days_left === null ? "" : ` (${t(days_left === 1 ? "falta 1 dia" : "faltam {days} dias", { days: days_left })})`;
  return t("Autorização até {day}", { day: day(expires_at) }) + left;
}

// ── Refresh and disconnect ────────────────────────────────────────────────────────────────────

function showRefresh(button, refresh) {
  button.hidden = !refresh;
  const next = Date.parse(refresh?.available_at);
  const cooling = next > Date.now();
  button.disabled = cooling;
  setText(button, cooling ? t("Atualizar de novo às {when}", { when: time(next) }) : t("Atualizar agora"));
}

async function refresh(card) {
  const answer = await post(`/links/${encodeURIComponent(card.link.link_id)}/refresh`);
  notify("good", t("Pedimos os dados mais novos ao banco. Eles chegam em alguns minutos."));
  showRefresh(card.querySelector(".refresh"), answer);
}

async function disconnect(link) {
  const name = nameOf(link);
  const text = t("Apagamos daqui e da Belvo tudo o que recebemos deste banco. Isto não pode ser desfeito.");
  await erase(`/links/${encodeURIComponent(link.link_id)}`, t("Desconectar {name}?", { name }), text, t("Desconectar"));
}
