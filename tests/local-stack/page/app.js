// The page: sign in, connect a bank, watch the data arrive.
// It talks to the API as an app would, and to /_local/ for what only this machine offers.
"use strict";

const RESOURCES = {
  owners: "Titulares",
  accounts: "Contas",
  transactions: "Transações",
  bills: "Faturas",
  investments: "Investimentos",
  investment_transactions: "Movimentações de investimentos",
};

// How Belvo's outcomes read to the person in front of the screen.
const OUTCOMES = {
  success: ["good", "Banco conectado. Seus dados estão a caminho."],
  exit: ["", "Você saiu antes de concluir. Nada foi conectado."],
  error: ["bad", "Não foi possível conectar. Tente novamente."],
  warning: ["", "Este banco está indisponível agora. Escolha outro ou tente mais tarde."],
};

// Where a resource stands, as its link's record says.
const STATES = {
  waiting: ["", "aguardando o banco"],
  syncing: ["", "recebendo"],
  ready: ["good", "pronto"],
  partial: ["bad", "pronto, com itens recusados"],
};
const LINK_STATES = {
  announced: "Anunciado pela Belvo",
  awaiting_owner: "Conferindo a titularidade",
  bound: "Conectado",
  quarantined: "Bloqueado: a conta é de outra pessoa",
  unclaimed: "Sem dono",
  gone: "Desconectado",
};
const SETTLED = ["ready", "partial"];

const POLL_MILLISECONDS = 1000;
const ROWS_SHOWN = 20;

const element = (id) => document.getElementById(id);

// What must survive the trip to the widget and back; gone when the tab is closed.
const session = {
  get: () => JSON.parse(sessionStorage.getItem("session") || "null"),
  set: (value) => sessionStorage.setItem("session", JSON.stringify(value)),
  clear: () => sessionStorage.removeItem("session"),
};

function notify(kind, text) {
  const notice = element("notice");
  notice.className = `notice ${kind}`;
  notice.textContent = text;
  notice.hidden = !text;
}

async function call(path, options = {}) {
  const response = await fetch(path, options);
  const text = await response.text();
  if (!response.ok) {
    let problem = {};
    try { problem = JSON.parse(text); } catch { /* not JSON: the status says enough */ }
    throw new Error(problem.detail || problem.title || problem.message || `Erro ${response.status}`);
  }
  return text;
}

const json = async (path, options) => JSON.parse(await call(path, options));

const post = (path, body, headers = {}) => json(path, {
  method: "POST",
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(body),
});

// ── Signing in ────────────────────────────────────────────────────────────────────────────────

// The same person is the same user on every visit: an opaque id, never a document.
function userId(person) {
  const key = `user:${person.kind}:${person.cnpj || person.cpf}`;
  let id = localStorage.getItem(key);
  if (!id) {
    id = crypto.randomUUID();
    localStorage.setItem(key, id);
  }
  return id;
}

async function showSignIn() {
  element("sign-in").hidden = false;
  const people = await json("/_local/people");
  const select = element("person");
  const groups = { individual: "Pessoas", company: "Empresas" };
  for (const [kind, label] of Object.entries(groups)) {
    const group = document.createElement("optgroup");
    group.label = label;
    people.forEach((person, index) => {
      if (person.kind === kind) {
        const name = person.company_name ? `${person.company_name} (por ${person.name})` : person.name;
        group.append(new Option(name, String(index)));
      }
    });
    if (group.children.length) select.append(group);
  }
  element("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    run(event.submitter, () => signIn(people[Number(select.value)]));
  });
}

async function signIn(person) {
  const { kind, ...claims } = person;
  const sub = userId(person);
  const { access_token } = await post("/_local/sign-in", { ...claims, sub });
  session.set({ sub, token: access_token, name: person.company_name || person.name });
  location.assign("/");
}

function signOut() {
  session.clear();
  location.assign("/");
}

// ── Connecting ────────────────────────────────────────────────────────────────────────────────

async function connect(user) {
  notify("", "Abrindo o ambiente da Belvo…");
  const { widget_url } = await post(
    "/token",
    { return_url: `${location.origin}/done` },
    { Authorization: `Bearer ${user.token}` },
  );
  location.assign(widget_url);
}

function showOutcome() {
  const outcome = new URLSearchParams(location.search).get("outcome");
  if (location.pathname !== "/done" || !outcome) return;
  const [kind, text] = OUTCOMES[outcome] || OUTCOMES.error;
  notify(kind, text);
  // The address must not be sent twice, and says nothing any more.
  history.replaceState(null, "", "/done");
}

// ── Watching ──────────────────────────────────────────────────────────────────────────────────

function resourcesOf(link) {
  const states = {};
  for (const [name, state] of Object.entries(link.resources || {})) {
    states[name.toLowerCase().replaceAll("-", "_")] = state;
  }
  return states;
}

const describeState = (state) => STATES[state?.state] || ["", state?.state || "aguardando"];
const isSettled = (state) => SETTLED.includes(state?.state);

async function watch(user) {
  const links = await json(`/_local/users/${encodeURIComponent(user.sub)}/links`);
  for (const link of links) await showLink(link);
  return links.length > 0
    && links.every((link) => Object.keys(RESOURCES).every((name) => isSettled(resourcesOf(link)[name])));
}

// Looks every second, and less often at what is ready or at a page nobody sees.
async function keepWatching(user) {
  let settled = false;
  try {
    settled = await watch(user);
    if (offline) notify("", "");
    offline = false;
  } catch (error) {
    offline = true;
    notify("bad", `O ambiente local não responde (${error.message}).`);
  }
  setTimeout(() => keepWatching(user), settled || document.hidden ? 5 * POLL_MILLISECONDS : POLL_MILLISECONDS);
}

let offline = false;

async function showLink(link) {
  const id = `link-${link.link_id}`;
  let article = element(id);
  if (!article) {
    article = element("link-template").content.cloneNode(true).firstElementChild;
    article.id = id;
    element("links").append(article);
  }
  setText(article.querySelector("h2"), link.institution || "Banco");
  setText(article.querySelector(".status"), LINK_STATES[link.status] || link.status || "");
  const states = resourcesOf(link);
  for (const [name, label] of Object.entries(RESOURCES)) {
    await showResource(article, link.link_id, name, label, states[name]);
  }
}

async function showResource(article, linkId, name, label, state) {
  let details = article.querySelector(`[data-resource="${name}"]`);
  if (!details) {
    details = element("resource-template").content.cloneNode(true).firstElementChild;
    details.dataset.resource = name;
    details.querySelector(".name").textContent = label;
    details.addEventListener("toggle", () => details.open && showRows(details, linkId, name, label));
    article.querySelector(".resources").append(details);
  }
  const [kind, text] = describeState(state);
  const badge = details.querySelector(".state");
  badge.className = `state ${kind}`;
  setText(badge, text);
  const rows = state?.rows;
  setText(details.querySelector(".count"), rows === undefined ? "" : `${rows} ${rows === 1 ? "item" : "itens"}`);
  const seen = JSON.stringify(state ?? null);
  if (details.open && details.dataset.seen !== seen) await showRows(details, linkId, name, label);
  details.dataset.seen = seen;
}

async function showRows(details, linkId, name, label) {
  const path = `/_local/links/${encodeURIComponent(linkId)}/${name}?limit=${ROWS_SHOWN}`;
  const text = await call(path);
  const rows = parseExactly(text).map((row) => row.data ?? row);
  details.querySelector(".rows").replaceChildren(rows.length ? table(rows, name, label) : paragraph("Nada ainda."));
}

// Numbers stay as the bank wrote them: a float would round long ones and drop final zeros.
function parseExactly(text) {
  return JSON.parse(text, (_, value, context) => (typeof value === "number" && context?.source) || value);
}

// What of each object is shown: path in Belvo's object, heading, and whether it is a number.
const COLUMNS = {
  owners: [["display_name", "Nome"], ["social_name", "Nome social"], ["email", "E-mail"], ["phone_number", "Telefone"]],
  accounts: [["name", "Conta"], ["category", "Categoria"], ["number", "Número"], ["balance.current", "Saldo", true], ["currency", "Moeda"]],
  transactions: [["value_date", "Data"], ["description", "Descrição"], ["amount", "Valor", true], ["type", "Sentido"], ["status", "Situação"]],
  bills: [["due_date", "Vencimento"], ["bill_name", "Fatura"], ["total_amount", "Total", true], ["minimum_amount", "Mínimo", true]],
  investments: [["product_name", "Produto"], ["type", "Tipo"], ["balance.net_value", "Valor líquido", true], ["due_date", "Vencimento"]],
  investment_transactions: [["value_date", "Data"], ["type", "Sentido"], ["quantity", "Quantidade", true], ["net_value", "Valor líquido", true]],
};

const at = (row, path) => path.split(".").reduce((value, key) => value?.[key], row);

function table(rows, name, label) {
  const isThere = ([path]) => rows.some((row) => (at(row, path) ?? "") !== "");
  const columns = COLUMNS[name].filter(isThere);
  const result = document.createElement("table");
  const many = rows.length === ROWS_SHOWN ? `as ${ROWS_SHOWN} mais recentes` : rows.length;
  result.createCaption().textContent = `${label}: ${many}`;
  const head = result.createTHead().insertRow();
  for (const [, heading, isNumber] of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = heading;
    if (isNumber) cell.className = "number";
    head.append(cell);
  }
  const body = result.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const [path, , isNumber] of columns) {
      const cell = line.insertCell();
      cell.textContent = at(row, path) ?? "";
      if (isNumber) cell.className = "number";
    }
  }
  return result;
}

function paragraph(text) {
  const result = document.createElement("p");
  result.textContent = text;
  return result;
}

// Writing the same text again would make screen readers repeat it.
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// ── Start ─────────────────────────────────────────────────────────────────────────────────────

async function run(button, action) {
  if (button) button.disabled = true;
  try {
    await action();
  } catch (error) {
    notify("bad", error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

function start() {
  const user = session.get();
  if (!user) {
    run(null, showSignIn);
    return;
  }
  element("who").hidden = false;
  element("who-name").textContent = user.name;
  element("sign-out").addEventListener("click", signOut);
  element("home").hidden = false;
  element("connect").addEventListener("click", (event) => run(event.currentTarget, () => connect(user)));
  showOutcome();
  keepWatching(user);
}

start();
