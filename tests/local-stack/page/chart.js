// Money in and out by month: bars for sighted users, a table for all users.

import { element, make, setText } from "./dom.js";
import { add, money, negative } from "./exact.js";
import { language, month, t } from "./texts.js";

const CURRENCY = "BRL";
const HEIGHT = 180;
const LABELS = 24;
const BAR = 22;
const SVG = "http://www.w3.org/2000/svg";

let months = [];

export function showMonths(movements, complete) {
  months = sums(movements.filter(({ currency, value_date }) => currency === CURRENCY && value_date));
  element("months").hidden = months.length === 0;
  const notes = [t("Compras no cartão contam quando a fatura é paga.")];
  if (!complete) notes.push(t("O período tem mais movimentações do que cabem aqui; faltam as mais antigas."));
  setText(element("months").querySelector(".note"), notes.join(" "));
  draw();
  tabulate();
}

function sums(movements) {
  const byMonth = new Map();
  for (const { value_date, amount, type } of movements) {
    const name = value_date.slice(0, 7);
    const sum = byMonth.get(name) ?? { name, in: "0", out: "0" };
    const way = type === "INFLOW" ? "in" : "out";
    sum[way] = add(sum[way], amount);
    byMonth.set(name, sum);
  }
  return [...byMonth.values()].sort((a, b) => a.name.localeCompare(b.name));
}

// Drawn at the available width, so that the letters keep their size.
new ResizeObserver(draw).observe(document.querySelector("#months .chart"));

function draw() {
  const place = element("months").querySelector(".chart");
  const width = place.clientWidth;
  if (!width || !months.length) return;
  const image = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  image.setAttribute("aria-label", t("Gráfico de barras; os números estão na tabela abaixo."));
  // Floats are good enough for pixels.
  const top = Math.max(...months.flatMap((sums) => [Number(sums.in), Number(sums.out)])) || 1;
  const floor = HEIGHT - LABELS;
  image.append(svg("line", { x1: 0, x2: width, y1: floor, y2: floor }));
  months.forEach((sums, index) => {
    const middle = (index + 0.5) * width / months.length;
    const bar = Math.min(BAR, width / months.length / 3);
    for (const [way, left] of [["in", middle - bar - 1], ["out", middle + 1]]) {
      const height = Math.max(Number(sums[way]) / top * (floor - 8), 1);
      const rectangle = svg("rect", { x: left, y: floor - height, width: bar, height, rx: 3, class: way });
      rectangle.append(svg("title", {}, `${month(sums.name)}: ${money(sums[way], CURRENCY, language)}`));
      image.append(rectangle);
    }
    image.append(svg("text", { x: middle, y: HEIGHT - 6, "text-anchor": "middle" }, month(sums.name, "short")));
  });
  place.replaceChildren(image);
}

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

function tabulate() {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const label of ["Mês", "Entradas", "Saídas", "Diferença"]) {
    const cell = make("th", t(label));
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const { name, ...sums } of months) {
    const line = body.insertRow();
    const first = make("th", month(name));
    first.scope = "row";
    line.append(first);
    for (const amount of [sums.in, sums.out, add(sums.in, negative(sums.out))]) {
      line.insertCell().textContent = money(amount, CURRENCY, language);
    }
  }
  element("months").querySelector(".scroll").replaceChildren(table);
}
