// The entry of the page: signs in, shows the user's data, and keeps polling.
//
// It talks to the back end as any app would, with the user's token. Only the sign-in (/_local/) is
// specific to this machine, because an app has its own. Each file has one subject: connect.js (the
// widget and the return), links.js (banks), statement.js and chart.js (transactions), erase.js;
// below them api.js (requests), exact.js (amounts), texts.js (languages) and dom.js.

import { get, pages, post, useToken } from "./api.js";
import { prepareConnecting, readReturn, showAttempt } from "./connect.js";
import { announce, element, notify, onClick, onSubmit, prepareDialogs, run, setText, translate } from "./dom.js";
import { erase } from "./erase.js";
import { showLinks } from "./links.js";
import { followLinks, prepareStatement } from "./statement.js";
import { language, switchLanguage, t } from "./texts.js";

// The polling interval in case the back end gives none.
const CALM_SECONDS = 15;

// ── Signing in, invented ──────────────────────────────────────────────────────────────────────

async function showSignIn() {
  element("sign-in").hidden = false;
  const { value: people } = await get("/_local/people");
  for (const [index, { name, company_name }] of people.entries()) {
    element("person").append(new Option(company_name ? `${name} · ${company_name}` : name, index));
  }
  onSubmit(element("sign-in-form"), () => signIn(people[element("person").value]));
}

async function signIn({ kind, ...claims }) {
  const { access_token } = await post("/_local/sign-in", { ...claims, sub: userId(claims) });
  const { name, company_name } = claims;
  sessionStorage.setItem("user", JSON.stringify({ token: access_token, name, company_name }));
  location.assign("/");
}

// The same person is the same user on every visit, under a random id that reveals nothing about
// them.
function userId({ cpf, cnpj }) {
  const key = `user:${cnpj ?? cpf}`;
  if (!localStorage.getItem(key)) localStorage.setItem(key, crypto.randomUUID());
  return localStorage.getItem(key);
}

function signOut() {
  sessionStorage.clear();
  location.assign("/");
}

// The token has expired: the user must sign in again.
function endSession(text) {
  useToken(null);
  sessionStorage.removeItem("user");
  element("home").hidden = true;
  element("who").hidden = true;
  notify("bad", text);
  run(null, showSignIn);
}

// ── Looking ───────────────────────────────────────────────────────────────────────────────────

let timer = null;
let offline = false;

// Polls now, and again after the back end's Retry-After or the usual interval.
async function look() {
  clearTimeout(timer);
  let wait = CALM_SECONDS;
  try {
    const { value, retryAfter } = await get("/links");
    if (offline) notify("", "");
    offline = false;
    wait = retryAfter ?? CALM_SECONDS;
    element("waiting").hidden = true;
    showLinks(value.links);
    showAttempt(value.sessions);
    followLinks(value.links);
  } catch (error) {
    if (error.status === 401) return endSession(error.message);
    offline = true;
    notify("bad", error.message);
  }
  clearTimeout(timer);
  // A hidden page does not poll; it polls at once when it is shown again.
  if (!document.hidden) timer = setTimeout(look, 1000 * wait);
}

// ── Your data ─────────────────────────────────────────────────────────────────────────────────

async function download() {
  announce(t("Preparando o arquivo…"));
  const texts = [];
  for await (const text of pages("/export?limit=500")) texts.push(text);
  const file = new Blob([`[\n${texts.join(",\n")}\n]\n`], { type: "application/json" });
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(file);
  anchor.download = "meus-dados.json";
  anchor.click();
  URL.revokeObjectURL(anchor.href);
  notify("good", t("Seus dados foram baixados."));
}

const eraseEverything = () => erase(
  "/me",
  t("Apagar tudo?"),
  t("Desconectamos todos os bancos e apagamos daqui e da Belvo tudo o que recebemos deles. Isto não pode ser desfeito."),
  t("Apagar tudo"),
);

// ── Start ─────────────────────────────────────────────────────────────────────────────────────

async function start() {
  document.documentElement.lang = language;
  translate(document);
  document.title = t("ACME · Seus bancos");
  setText(element("language"), language === "en" ? "Português" : "English");
  element("language").lang = language === "en" ? "pt-BR" : "en";
  onClick(element("language"), switchLanguage);
  prepareDialogs();
  const user = JSON.parse(sessionStorage.getItem("user"));
  if (!user) return run(null, showSignIn);
  useToken(user.token);
  setText(element("who-name"), user.name);
  element("who").hidden = false;
  onClick(element("sign-out"), signOut);
  element("home").hidden = false;
  prepareConnecting(user);
  prepareStatement();
  onClick(element("export"), download);
  onClick(element("erase"), eraseEverything);
  await run(null, readReturn);
  // Polls at once after an action, to show its result.
  addEventListener("changed", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  look();
}

start();
