// How wide columns are: as their heading and their first rows need, until one is made wider by hand.

const CHARACTER = 7.2;
const PADDING = 26;
const [NARROW, WIDE] = [64, 300];

export function widths(table, byHand) {
  const rows = [...table.rows.values()].slice(0, 100);
  return table.columns.map((column, at) => {
    if (byHand.has(column.name)) return byHand.get(column.name);
    const lengths = rows.map((row) => (row.texts[at] ?? "").length);
    const longest = Math.max(column.name.length + 2, column.dtype.length * 0.85, 0, ...lengths);
    return Math.round(Math.min(WIDE, Math.max(NARROW, longest * CHARACTER + PADDING)));
  });
}
