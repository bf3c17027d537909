// Connecting a bank: the widget, the return from it, and attempts that ended without a bank.

import { post } from "./api.js";
import { element, notify, onClick, onSubmit, run, setText } from "./dom.js";
import { guidance, inLanguage, t } from "./texts.js";

// Banks that this app offers by name; the widget offers every bank. Replace them by your users'
// banks.
export const BANKS = {
  ofmockbank_br_retail: "OF Mockbank",
  ofbancoprimavera_br_retail: "Banco Primavera",
  ofcooperativaserrana_br_retail: "Cooperativa Serrana",
  ofcontaviva_br_retail: "Conta Viva",
  ofbancoprimavera_br_business: "Banco Primavera Empresas",
};

// The messages until the back end gives the reason.
const FIRST_WORDS = {
  open: "Você voltou sem concluir a conexão. Se o banco mostrou um erro, conte para nós.",
  exit: "Você saiu antes de concluir. Nada foi conectado.",
  error: "Não foi possível conectar.",
  warning: "Este banco está indisponível agora.",
};
const MAY_HIDE_AN_ERROR = ["open", "silent", "exit"];

// State that must survive the visit to the bank, and ends with the tab: session_id, report_session,
// outcome, reported.
const attempt = {
  get: () => JSON.parse(sessionStorage.getItem("attempt")) ?? {},
  set: (value) => sessionStorage.setItem("attempt", JSON.stringify(value)),
};

let user = null;
// The wish and the answer of POST /token, while the user decides whether to continue.
let minted = null;

export function prepareConnecting(signedIn) {
  user = signedIn;
  for (const [name, label] of Object.entries(BANKS)) element("institution").append(new Option(label, name));
  element("holder").hidden = !user.company_name;
  setText(element("holder-individual"), user.name);
  setText(element("holder-company"), user.company_name ?? "");
  onClick(element("connect"), () => openDialog({}));
  onSubmit(element("connect-form"), connect);
  element("connect-form").addEventListener("change", forgetWarning);
  onSubmit(element("report-form"), report);
  const panel = element("attempt");
  onClick(panel.querySelector(".again"), () => openDialog({}));
  onClick(panel.querySelector(".report"), () => element("report-dialog").showModal());
  onClick(panel.querySelector(".dismiss"), dismiss);
  for (const button of document.querySelectorAll("[data-portal]")) {
    onClick(button, () => openPortal({ mode: button.dataset.portal }));
  }
  // The browser's back button may restore the page in its old state.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// ── Going ─────────────────────────────────────────────────────────────────────────────────────

export function openDialog({ institution, holder }) {
  const banks = element("institution");
  if (institution && ![...banks.options].some(({ value }) => value === institution)) {
    banks.append(new Option(institution, institution));
  }
  banks.value = institution ?? "";
  element("connect-form").elements.holder.value = holder ?? (user.company_name ? "company" : "individual");
  forgetWarning();
  element("connect-dialog").showModal();
}

// The token is valid for ten minutes and for one connection, so the page asks for it when the user
// presses the button.
async function connect() {
  const institution = element("institution").value;
  const wish = { return_url: `${location.origin}/done` };
  if (user.company_name) wish.holder = element("connect-form").elements.holder.value;
  if (institution) wish.institutions = [institution];
  if (!minted) {
    minted = await post("/token", wish);
    if (minted.warnings.length) return warn(minted.warnings[0]);
  }
  const { widget_url, session_id, report_session } = minted;
  attempt.set({ session_id, report_session });
  location.assign(widget_url);
}

function warn({ text, renew }) {
  const warning = element("connected-already");
  setText(warning.querySelector("p"), inLanguage(text));
  warning.querySelector("button").onclick = () => run(null, () => openPortal(renew));
  warning.hidden = false;
  setText(element("connect-go"), t("Conectar mesmo assim"));
}

function forgetWarning() {
  minted = null;
  element("connected-already").hidden = true;
  setText(element("connect-go"), t("Continuar"));
}

// My Belvo Portal, where users see, renew and revoke consents. It has no redirect back, so it gets
// a tab of its own.
export async function openPortal(wish) {
  // Opened by the click itself, because browsers block a tab that is opened later.
  const tab = open("", "_blank");
  try {
    const { portal_url } = await post("/portal", wish);
    if (!tab) return location.assign(portal_url);
    tab.opener = null;
    tab.location = portal_url;
  } catch (error) {
    tab?.close();
    throw error;
  }
}

// ── Coming back ───────────────────────────────────────────────────────────────────────────────

// The widget's redirect brings the user to /done?outcome=…&session_id=…
export async function readReturn() {
  const query = new URLSearchParams(location.search);
  const outcome = query.get("outcome");
  if (location.pathname !== "/done" || !outcome) return;
  // Clears the address, so that a reload does not handle it twice.
  history.replaceState(null, "", "/");
  if (outcome !== "success") return attempt.set({ ...attempt.get(), outcome });
  attempt.set({});
  notify("good", t("Banco conectado. Seus dados estão a caminho."));
  // With IdentitySource=body, this proves that the user who returned is the user who asked.
  const [link_id, proof] = [query.get("link_id"), query.get("proof")];
  if (proof) await post("/callback", { link_id, proof });
}

// ── Attempts without a bank ───────────────────────────────────────────────────────────────────

// This tab's attempt, or otherwise the user's latest one, if it failed.
export function showAttempt(sessions) {
  const mine = attempt.get();
  const dismissed = localStorage.getItem("dismissed") ?? "";
  const latest = sessions.find(({ started_at }) => started_at > dismissed);
  const told = sessions.find((session) => session.session_id === mine.session_id);
  const shown = mine.session_id ? { outcome: "open", ...told } : latest;
  // The redirect reaches the page before the back end has recorded the outcome.
  const outcome = shown?.outcome === "open" ? mine.outcome ?? (mine.session_id && "open") : shown?.outcome;
  const panel = element("attempt");
  panel.hidden = !outcome || outcome === "success";
  if (panel.hidden) return;
  const advice = guidance(mine.reported ?? shown.guidance);
  setText(panel.querySelector(".text"), advice.text || t(FIRST_WORDS[outcome] ?? FIRST_WORDS.error));
  setText(panel.querySelector(".cause"), advice.cause);
  panel.querySelector(".report").hidden =
    !mine.report_session || Boolean(mine.reported) || !MAY_HIDE_AN_ERROR.includes(outcome);
}

// Hides past failures, in this tab and in others.
function dismiss() {
  attempt.set({});
  localStorage.setItem("dismissed", new Date().toISOString());
  element("attempt").hidden = true;
}

// Some banks end on a page of their own without a callback, so only the user can report it.
async function report() {
  const { report_session } = attempt.get();
  const url = element("report-url").value.trim();
  const about = url ? { url } : { code: "risk_analysis_denied" };
  const { guidance: reported } = await post("/connection-reports", { session: report_session, ...about });
  element("report-form").reset();
  element("report-dialog").close();
  attempt.set({ ...attempt.get(), reported });
  showAttempt([]);
}
