// Icons, drawn on 16 by 16. What they say is said in words beside them, or by the button's name.
const PATHS = {
  add: "M8 3v10M3 8h10",
  bolt: "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z",
  chart: "M2 2v12h12M5 10v1.5M8 6v5.5M11 8v3.5",
  check: "m3 8.5 3.5 3.5L13 4.5",
  close: "m4 4 8 8M12 4l-8 8",
  code: "M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  delete: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.7 9h5.6l.7-9M6.7 7v4M9.3 7v4",
  down: "M8 3v10M4 9l4 4 4-4",
  duplicate: "M2.5 2.5h8v8h-8zM13.5 6v7.5H6M6.5 4.5v4M4.5 6.5h4",
  edit: "m3 13 .7-3L11 2.7l2.3 2.3L6 12.3z",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  fill: "M8 2v9M4.5 7.5 8 11l3.5-3.5M3 14h10",
  filter: "M2 3h12l-4.5 5.5V13l-3 1V8.5z",
  find: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14",
  group: "M2 3h12M5 6.5h9M5 9.5h9M2 13h12",
  info: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 7.2v3.6M8 5v.3",
  log: "M3 2.5h10v11H3zM5.5 5.5h5M5.5 8h5M5.5 10.5h3",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M4.5 2.8 12.5 8l-8 5.2z",
  redo: "M12.5 6H6a3.5 3.5 0 0 0 0 7h4M9.5 3l3 3-3 3",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3",
  rows: "M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.7h11",
  save: "M3 2.5h8l2 2v9H3zM5.5 2.5v3.5h4.5V2.5M5.5 13.5v-4h5v4",
  stop: "M4 4h8v8H4z",
  target: "M8 1v2M8 13v2M1 8h2M13 8h2M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM8 7.2a.8.8 0 1 0 0 1.6.8.8 0 0 0 0-1.6z",
  undo: "M3.5 6H10a3.5 3.5 0 0 1 0 7H6M6.5 3l-3 3 3 3",
  up: "M8 13V3M4 7l4-4 4 4",
  warning: "M8 2.2 14.3 13.5H1.7zM8 6.5v3.2M8 11.6v.1",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="tf-icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);
