// The colours of a figure: tokens of the page, as they are now.
const NAMES = ["ink", "muted", "line", "raised", "accent", "best", "ramp-0", "ramp-1", "ramp-2", "good", "bad", "busy", "idle"] as const;
type Name = (typeof NAMES)[number];

export type Rgba = [number, number, number, number];
export type Ink = { font: string; key: string; css(name: Name, alpha?: number): string; rgba(name: Name): Rgba; ramp(share: number): Rgba };

const STATUSES: Record<string, Name> = {
  completed: "good", done: "good", running: "busy", submitted: "busy", pending: "busy", submitted_pending: "busy",
  failed: "bad", terminated: "bad", canceled: "bad", pending_failed: "bad",
};
export const ofStatus = (status: string): Name => (Object.hasOwn(STATUSES, status) ? STATUSES[status] : "idle");

export const css = ([red, green, blue, alpha]: Rgba, times = 1) => `rgb(${red} ${green} ${blue} / ${alpha * times})`;

// A probe, so that a token may be anything that CSS can say: color-mix, light-dark, a system colour.
export function ink(el: HTMLElement): Ink {
  const probe = el.appendChild(document.createElement("span"));
  probe.style.cssText = "display: none; forced-color-adjust: none";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const g = canvas.getContext("2d", { willReadFrequently: true })!;
  const read = (name: Name): Rgba => {
    probe.style.color = "";
    probe.style.color = `var(--tf-${name})`;
    g.clearRect(0, 0, 1, 1);
    g.fillStyle = getComputedStyle(probe).color;
    g.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = g.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const colours = Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Record<Name, Rgba>;
  const font = getComputedStyle(el).fontFamily;
  probe.remove();
  const ramp = (share: number) =>
    share < 0.5 ? mix(colours["ramp-0"], colours["ramp-1"], share * 2) : mix(colours["ramp-1"], colours["ramp-2"], share * 2 - 1);
  return { font, key: JSON.stringify([font, colours]), css: (name, alpha = 1) => css(colours[name], alpha), rgba: (name) => colours[name], ramp };
}

function mix(from: Rgba, to: Rgba, share: number): Rgba {
  const at = (k: number) => from[k] + (to[k] - from[k]) * share;
  return [Math.round(at(0)), Math.round(at(1)), Math.round(at(2)), at(3)];
}

// The contrast of two colours as the WCAG has it, 1 to 21.
export function contrast(one: Rgba, other: Rgba): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function luminance([red, green, blue]: Rgba): number {
  const [r, g, b] = [red, green, blue].map((each) => (each <= 10 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
