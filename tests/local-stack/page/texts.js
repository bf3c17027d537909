// The page's two languages. The code uses the Portuguese text, which is also the key here.

const ENGLISH = {
  "ACME · Seus bancos": "ACME · Your banks",
  "Ir para o conteúdo": "Skip to the content",
  "ambiente local": "local environment",
  "Sair": "Sign out",
  "Fechar": "Close",
  "Cancelar": "Cancel",
  "Carregando…": "Loading…",

  "Seus bancos em um só lugar": "Your banks in one place",
  "Saldos e movimentações de todos os seus bancos, com a sua autorização e pelo tempo que você quiser.":
    "Balances and transactions of all your banks, with your authorization and for as long as you wish.",
  "Entrar como": "Sign in as",
  "Entrar": "Sign in",
  "Todas as pessoas e empresas da lista são inventadas.": "All people and companies on the list are invented.",

  "Seus bancos": "Your banks",
  "Gerenciar autorizações": "Manage authorizations",
  "Conectar banco": "Connect a bank",
  "Nenhum banco conectado": "No bank connected",
  "Você escolhe o banco e autoriza no aplicativo dele. Nunca pedimos a sua senha, e você pode encerrar quando quiser.":
    "You choose the bank and authorize in its own app. We never ask for your password, and you can end it whenever you like.",

  "Conectar um banco": "Connect a bank",
  "Em nome de quem?": "On whose behalf?",
  "Banco": "Bank",
  "Escolher no próximo passo": "Choose in the next step",
  "Renovar a conexão que já existe": "Renew the existing connection",
  "Você vai para o ambiente da Belvo e, de lá, para o do seu banco. Depois volta para cá.":
    "You go to Belvo and from there to your bank. Then you come back here.",
  "Continuar": "Continue",
  "Conectar mesmo assim": "Connect all the same",

  "Banco conectado. Seus dados estão a caminho.": "Bank connected. Your data is on its way.",
  "Você voltou sem concluir a conexão. Se o banco mostrou um erro, conte para nós.":
    "You came back before the bank was connected. If the bank showed an error, tell us.",
  "Você saiu antes de concluir. Nada foi conectado.": "You left before the end. Nothing was connected.",
  "Não foi possível conectar.": "The bank could not be connected.",
  "Este banco está indisponível agora.": "This bank is not available right now.",
  "Tentar de novo": "Try again",
  "Dispensar": "Dismiss",
  "O banco mostrou um erro": "The bank showed an error",
  "Alguns bancos recusam a conexão sem nos avisar. Conte para nós, e dizemos o que costuma resolver.":
    "Some banks refuse the connection without telling us. Tell us, and we say what usually helps.",
  "Endereço da página de erro, se você ainda o tem": "Address of the error page, if you still have it",
  "Enviar": "Send",

  "Conferindo": "Checking",
  "Bloqueado": "Blocked",
  "Recebendo dados": "Receiving data",
  "Em dia": "Up to date",
  "Precisa de você": "Needs you",
  "Substituída": "Replaced",
  "Desconectado": "Disconnected",
  "Pessoa física": "Individual",
  "Empresa": "Company",
  "conectado em {day}": "connected on {day}",
  "mesma conta de outra conexão": "same account as another connection",
  "Renovar autorização": "Renew authorization",
  "Conectar de novo": "Connect again",
  "Escolher outro banco": "Choose another bank",

  "Titulares": "Owners",
  "Contas": "Accounts",
  "Movimentações": "Transactions",
  "Faturas": "Bills",
  "Investimentos": "Investments",
  "Movimentações de investimentos": "Investment transactions",
  "aguardando o banco": "waiting for the bank",
  "recebendo": "receiving",
  "pronto": "ready",
  "pronto, com itens recusados": "ready, some items rejected",
  "não foi possível ler": "could not be read",
  "não pedido": "not requested",
  "Todos os dados recebidos": "All data received",
  "{ready} de {all} prontos": "{ready} of {all} ready",
  "Dados recebidos": "Data received",
  "item": "item",
  "itens": "items",

  "Conta": "Account",
  "Conta corrente": "Checking account",
  "Poupança": "Savings account",
  "Cartão de crédito": "Credit card",
  "Empréstimo": "Loan",
  "Conta de investimento": "Investment account",
  "Previdência": "Pension fund",
  "saldo": "balance",
  "em uso": "used",
  "a pagar": "owed",

  "Autorização": "Authorization",
  "Autorização vencida": "Authorization expired",
  "Autorização não confirmada": "Authorization not confirmed",
  "Autorização por prazo indeterminado": "Authorization without end",
  "Autorização até {day}": "Authorization until {day}",
  "falta 1 dia": "1 day left",
  "faltam {days} dias": "{days} days left",
  "Dados cadastrais": "Personal details",
  "Contas, saldos e extratos": "Accounts, balances and statements",
  "Cartões de crédito e faturas": "Credit cards and bills",
  "Empréstimos e financiamentos": "Loans and financing",

  "Atualizar agora": "Refresh now",
  "Atualizar de novo às {when}": "Refresh again at {when}",
  "Pedimos os dados mais novos ao banco. Eles chegam em alguns minutos.":
    "We have asked the bank for the latest data. It arrives in a few minutes.",
  "Desconectar": "Disconnect",
  "Desconectar {name}?": "Disconnect {name}?",
  "Apagamos daqui e da Belvo tudo o que recebemos deste banco. Isto não pode ser desfeito.":
    "We erase here and at Belvo everything we received from this bank. This cannot be undone.",

  "De": "From",
  "Até": "To",
  "Buscar": "Search",
  "Entradas e saídas por mês": "Money in and out by month",
  "Entradas": "In",
  "Saídas": "Out",
  "Diferença": "Difference",
  "Mês": "Month",
  "Ver em tabela": "View as a table",
  "Gráfico de barras; os números estão na tabela abaixo.": "Bar chart; the numbers are in the table below.",
  "Compras no cartão contam quando a fatura é paga.": "Purchases by card count when the bill is paid.",
  "O período tem mais movimentações do que cabem aqui; faltam as mais antigas.":
    "The period has more transactions than fit here; the oldest are missing.",
  "Nenhuma movimentação neste período.": "No transactions in this period.",
  "Mostrar mais": "Show more",
  "Sem data": "Without date",
  "Movimentação": "Transaction",
  "entrada": "in",
  "saída": "out",
  "pendente": "pending",

  "Seus dados são seus": "Your data is yours",
  "Autorizações": "Authorizations",
  "Veja, renove ou encerre o que você autorizou, no Meu Portal da Belvo.":
    "See, renew or end what you have authorized, in My Belvo Portal.",
  "Portal público": "Public portal",
  "Cópia": "Copy",
  "Tudo o que guardamos sobre você, em um arquivo JSON.": "Everything we keep about you, in a JSON file.",
  "Baixar meus dados": "Download my data",
  "Preparando o arquivo…": "Preparing the file…",
  "Seus dados foram baixados.": "Your data has been downloaded.",
  "Exclusão": "Erasure",
  "Desconecta todos os bancos e apaga os seus dados daqui e da Belvo.":
    "Disconnects all banks and erases your data here and at Belvo.",
  "Apagar tudo": "Erase everything",
  "Apagar tudo?": "Erase everything?",
  "Desconectamos todos os bancos e apagamos daqui e da Belvo tudo o que recebemos deles. Isto não pode ser desfeito.":
    "We disconnect all banks and erase here and at Belvo everything we received from them. This cannot be undone.",
  "Recibo da exclusão": "Receipt of the erasure",
  "Pedido recebido": "Request received",
  "Apagado daqui": "Erased here",
  "Confirmado pela Belvo": "Confirmed by Belvo",
  "em andamento": "under way",
  "Número do recibo": "Receipt number",

  "Você tentou conectar muitas vezes. Espere uma hora e tente de novo.":
    "You have tried to connect too often. Wait an hour and try again.",
  "Os dados acabaram de ser atualizados. Tente de novo mais tarde.":
    "The data has just been refreshed. Try again later.",
  "O limite de consultas deste mês foi atingido. Ele recomeça no próximo mês.":
    "This month's limit of requests is reached. It starts again next month.",
  "Os dados deste banco ainda não estão disponíveis.": "This bank's data is not available yet.",
  "Outra conexão tomou o lugar desta. Não precisa fazer nada.": "Another connection has taken the place of this one. There is nothing to do.",
  "Ainda não recebemos a autorização do banco. Tente de novo em alguns minutos.":
    "We have not received the bank's authorization yet. Try again in a few minutes.",
  "Isto não existe mais.": "This no longer exists.",
  "A Belvo não aceitou o pedido. Se continuar, fale com o suporte.":
    "Belvo did not accept the request. If this persists, talk to support.",
  "Esta tentativa de conexão já não vale. Comece de novo.": "This attempt to connect is no longer valid. Start again.",
  "Algo no pedido não está certo. Confira o que você preencheu.":
    "Something in the request is not right. Check what you have entered.",
  "Sua sessão terminou. Entre de novo.": "Your session has ended. Sign in again.",
  "Muitos pedidos de uma vez. Espere um instante e tente de novo.": "Too many requests at once. Wait a moment and try again.",
  "Algo falhou do nosso lado. Tente de novo em instantes.": "Something failed on our side. Try again in a moment.",
  "O serviço não está disponível agora. Tente de novo em instantes.":
    "The service is not available right now. Try again in a moment.",
  "Sem conexão com o serviço. Vamos tentar de novo.": "No connection to the service. We will try again.",
  "Disponível às {when}.": "Available at {when}.",
  "Código para o suporte: {id}": "Code for support: {id}",
  "Até {when}.": "Until {when}.",
};

export const language = localStorage.getItem("language") === "en" ? "en" : "pt-BR";

export function switchLanguage() {
  localStorage.setItem("language", language === "en" ? "pt-BR" : "en");
  location.reload();
}

// The text in the user's language, with values in place of {names}.
export function t(text, values = {}) {
  const found = language === "en" ? ENGLISH[text] ?? text : text;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// The back end's texts come in both languages.
export const inLanguage = (text) => text?.[language] ?? text?.["pt-BR"] ?? "";

// The back end's advice to the user: the reason and the action.
export function guidance(advice) {
  const waits = advice?.action === "wait_until" && advice.until;
  const until = waits ? t("Até {when}.", { when: moment(advice.until) }) : "";
  return { cause: inLanguage(advice?.cause), text: [inLanguage(advice?.text), until].filter(Boolean).join(" ") };
}

export const number = (value) => new Intl.NumberFormat(language).format(value);
export const count = (value, one, many) => `${number(value)} ${t(value === 1 ? one : many)}`;

const format = (options) => {
  const formatter = new Intl.DateTimeFormat(language, options);
  return (value) => formatter.format(new Date(value));
};
export const day = format({ dateStyle: "short" });
export const time = format({ timeStyle: "short" });
export const moment = format({ dateStyle: "short", timeStyle: "short" });
// Dates without a time are days of the bank's calendar, independent of the user's time zone.
export const longDay = format({ dateStyle: "long", timeZone: "UTC" });
const months = {
  long: format({ month: "long", year: "numeric", timeZone: "UTC" }),
  short: format({ month: "short", timeZone: "UTC" }),
};
export const month = (name, length = "long") => months[length](`${name}-01`);

// "há 5 minutos"
export function ago(instant) {
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const minutes = Math.round((Date.now() - Date.parse(instant)) / 60_000);
  if (minutes < 1) return relative.format(0, "second");
  if (minutes < 60) return relative.format(-minutes, "minute");
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), "hour");
  return relative.format(-Math.round(minutes / 1440), "day");
}
