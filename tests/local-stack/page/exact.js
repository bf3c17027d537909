// Amounts, exactly as the bank wrote them.
//
// JavaScript's numbers are floats: they round long amounts, and 0.1 + 0.2 differs from 0.3. An
// amount is therefore the text of its digits here, and sums are computed with whole numbers
// (BigInt).

const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

// JSON.parse, except that a number that is not a small integer becomes the text of its digits.
export function parse(json) {
  return JSON.parse(json.replace(TEXT_OR_NUMBER, (token) =>
    token.startsWith('"') || String(Number(token)) === token && Number.isSafeInteger(Number(token))
      ? token
      : `"${token}"`));
}

export function add(a, b) {
  const [left, right] = [split(a), split(b)];
  const scale = Math.max(left.scale, right.scale);
  const units = ({ units, scale: own }) => units * 10n ** BigInt(scale - own);
  return join(units(left) + units(right), scale);
}

export const negative = (amount) => (String(amount).startsWith("-") ? String(amount).slice(1) : `-${amount}`);

// "R$ 1.234,50", with every digit: Intl accepts text and rounds nothing within its limit.
export function money(amount, currency, language) {
  if (amount === null || amount === undefined) return "";
  const { units, scale } = split(amount);
  const style = /^[A-Z]{3}$/.test(currency ?? "") ? { style: "currency", currency } : { minimumFractionDigits: 2 };
  return new Intl.NumberFormat(language, { ...style, maximumFractionDigits: 20 }).format(join(units, scale));
}

// 1234.50 is 123450 units at scale 2.
function split(amount) {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(String(amount ?? 0));
  const [, sign, whole, fraction = "", exponent = "0"] = parts;
  const units = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : { units, scale };
}

function join(units, scale) {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale)];
  return `${units < 0n ? "-" : ""}${whole}${fraction && `.${fraction}`}`;
}
