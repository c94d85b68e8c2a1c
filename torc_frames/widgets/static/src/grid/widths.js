// How wide columns are: as their heading and their first rows need, until one is made wider by hand.

const [NARROW, WIDE] = [64, 300];
const ROWS = 100;
// What stands beside a text: the padding of its cell, and in a heading the mark of the order.
const [BESIDE, BESIDE_HEADING] = [20, 32];

// What is shown instead of a name and a text, if anything, says `hooks`; see `View`.
export function widths(table, byHand, host, hooks = {}, widest = WIDE) {
  const { fontFamily, fontSize } = getComputedStyle(host);
  const context = document.createElement("canvas").getContext("2d");
  const measure = (text, font) => {
    context.font = `${font} ${fontFamily}`;
    return context.measureText(text).width;
  };
  const rows = [...table.rows.values()].slice(0, ROWS);
  return table.columns.map((column, at) => {
    if (byHand.has(column.name)) return byHand.get(column.name);
    const shown = rows.reduce((text, row) => {
      const next = hooks.short?.(column, row.texts[at] ?? "") ?? row.texts[at] ?? "";
      return next.length > text.length ? next : text;
    }, "");
    const needed = Math.max(
      measure(hooks.label?.(column) ?? column.name, `600 ${fontSize}`) + BESIDE_HEADING,
      hooks.heading ? 0 : measure(column.dtype, "11px") + BESIDE_HEADING,
      measure(shown.slice(0, widest), fontSize) + BESIDE,
    );
    return Math.round(Math.min(widest, Math.max(NARROW, needed)));
  });
}
