// The client of the back end: the user's token, ETags, pages, and errors in words for the user.

import { parse } from "./exact.js";
import { t, time } from "./texts.js";

// Messages for the user by the type of a problem, or by the status if the gateway itself refused.
const SENTENCES = {
  "too-many-attempts": "Você tentou conectar muitas vezes. Espere uma hora e tente de novo.",
  "refreshed-recently": "Os dados acabaram de ser atualizados. Tente de novo mais tarde.",
  "limit-reached": "O limite de consultas deste mês foi atingido. Ele recomeça no próximo mês.",
  "link-not-served": "Os dados deste banco ainda não estão disponíveis.",
  "link-replaced": "Outra conexão tomou o lugar desta. Não precisa fazer nada.",
  "no-consent": "Ainda não recebemos a autorização do banco. Tente de novo em alguns minutos.",
  "not-found": "Isto não existe mais.",
  "belvo-refused": "A Belvo não aceitou o pedido. Se continuar, fale com o suporte.",
  "invalid-session": "Esta tentativa de conexão já não vale. Comece de novo.",
  "invalid-request": "Algo no pedido não está certo. Confira o que você preencheu.",
  401: "Sua sessão terminou. Entre de novo.",
  429: "Muitos pedidos de uma vez. Espere um instante e tente de novo.",
  500: "Algo falhou do nosso lado. Tente de novo em instantes.",
  503: "O serviço não está disponível agora. Tente de novo em instantes.",
  offline: "Sem conexão com o serviço. Vamos tentar de novo.",
};

// A refused request; its message is for the user.
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    const kind = problem.type?.split("/").pop();
    const parts = [t(SENTENCES[kind] ?? SENTENCES[status] ?? SENTENCES[500])];
    if (retryAfter && status === 409) parts.push(t("Disponível às {when}.", { when: time(Date.now() + 1000 * retryAfter) }));
    // Support finds the request by this id, which says nothing about the user.
    if (problem.request_id && status >= 500) parts.push(t("Código para o suporte: {id}", { id: problem.request_id }));
    super(parts.join(" "));
    Object.assign(this, { status, kind, retryAfter });
  }
}

let token = null;
export const useToken = (value) => { token = value; };

async function send(method, path, { body, headers = {} } = {}) {
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(path, options).catch(() => { throw new Refusal("offline", {}); });
  if (response.ok || response.status === 304) return response;
  // The gateway's own answers are not problems, and a proxy's may not be JSON.
  const problem = await response.json().catch(() => ({}));
  throw new Refusal(response.status, problem, seconds(response));
}

const seconds = (response) => Number(response.headers.get("Retry-After")) || null;

// The last body and ETag of recent paths, because the back end does not resend an unchanged body.
const known = new Map();
const MOST_KNOWN = 100;

// `retryAfter` is the number of seconds until the next request, while data is on its way.
export async function get(path) {
  const last = known.get(path);
  const response = await send("GET", path, { headers: last ? { "If-None-Match": last.etag } : {} });
  const retryAfter = seconds(response);
  if (response.status === 304) return { value: last.value, retryAfter };
  const value = parse(await response.text());
  const etag = response.headers.get("ETag");
  known.delete(path);
  if (etag) known.set(path, { etag, value });
  if (known.size > MOST_KNOWN) known.delete(known.keys().next().value);
  return { value, retryAfter };
}

export async function post(path, body) {
  return parse(await (await send("POST", path, { body })).text());
}

export async function remove(path) {
  return parse(await (await send("DELETE", path)).text());
}

const withCursor = (path, cursor) =>
  cursor ? `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : path;

// The items of every page, up to `most` pages.
export async function* items(path, most = Infinity) {
  let cursor = null;
  for (let page = 0; page < most && (page === 0 || cursor); page += 1) {
    const { value } = await get(withCursor(path, cursor));
    yield* value.items;
    cursor = value.next_cursor;
  }
}

// Every page as text, so that not even a trailing zero of a number is lost.
export async function* pages(path) {
  let cursor = null;
  do {
    const text = await (await send("GET", withCursor(path, cursor))).text();
    yield text;
    cursor = JSON.parse(text).next_cursor;
  } while (cursor);
}

export const pageOf = async (path, cursor) => (await get(withCursor(path, cursor))).value;
