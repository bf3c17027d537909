// The texts on the page whose contrast is below WCAG's 4.5 (3 for large letters), with the contrast.
const numbers = (color) => color.match(/[\d.]+/g).map(Number);
const light = (color) => {
  const [red, green, blue] = numbers(color).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if ((numbers(color)[3] ?? 1) > 0) return color;
  }
  return "rgb(255, 255, 255)";
};

const faint = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const text = texts.currentNode.textContent.trim();
  const node = texts.currentNode.parentElement;
  if (!text || !node.checkVisibility({ visibilityProperty: true }) || node.closest(":disabled")) continue;
  const { color, fontSize, fontWeight } = getComputedStyle(node);
  const [a, b] = [light(color), light(behind(node))].sort((a, b) => b - a);
  const contrast = (a + 0.05) / (b + 0.05);
  const large = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
  if (contrast < (large ? 3 : 4.5)) faint.push(`${text}: ${contrast.toFixed(2)}`);
}
return faint;
