// How wide columns are: as their heading and their first rows need, until one is made wider by hand.

const [NARROW, WIDE] = [64, 300];
const ROWS = 100;
// What stands beside a text: the padding of its cell, and in a heading the mark of the order.
const [BESIDE, BESIDE_HEADING] = [20, 32];

export function widths(table, byHand, host, widest = WIDE) {
  const { fontFamily, fontSize } = getComputedStyle(host);
  const context = document.createElement("canvas").getContext("2d");
  const measure = (text, font) => {
    context.font = `${font} ${fontFamily}`;
    return context.measureText(text).width;
  };
  const rows = [...table.rows.values()].slice(0, ROWS);
  return table.columns.map((column, at) => {
    if (byHand.has(column.name)) return byHand.get(column.name);
    const longest = rows.reduce((text, row) => (row.texts[at]?.length > text.length ? row.texts[at] : text), "");
    const needed = Math.max(
      measure(column.name, `600 ${fontSize}`) + BESIDE_HEADING,
      measure(column.dtype, "11px") + BESIDE_HEADING,
      measure(longest.slice(0, widest), fontSize) + BESIDE,
    );
    return Math.round(Math.min(widest, Math.max(NARROW, needed)));
  });
}
