// A heading of the grid: the band of its group, its name, and a small histogram, in which dragging filters.
import { count, short, split } from "../../core/look";
import type { Profile } from "./types";

const GROUPS = { results: "Results", params: "Parameters", job: "Job" };
const CLICK = 3; // pixels that a click may slip

type Narrow = (low: number, high: number) => void;
type Shown = { name: string; isFirst: boolean; isGoal: boolean; profile?: Profile; narrow: Narrow };

export function heading({ name, isFirst, isGoal, profile, narrow }: Shown): HTMLElement {
  const of = split(name);
  const whole = element("span", `tf-heading tf-of-${of.group}`);
  whole.append(element("span", "tf-hidden-text", words(name, isGoal, profile)));
  const band = element("span", "tf-band", isFirst ? GROUPS[of.group] : "");
  const label = element("span", isGoal ? "tf-name tf-goal-name" : "tf-name", of.name);
  label.title = about(name, profile);
  for (const node of [band, label]) node.setAttribute("aria-hidden", "true");
  whole.append(band, label);
  const { bins = [] } = profile ?? {};
  if (bins.length) whole.append(bars(name, profile!, narrow));
  return whole;
}

/** The range and what is missing, for the tooltip. */
function about(name: string, profile?: Profile): string {
  const parts = [name];
  if (profile?.range) parts.push(`${profile.range[0]} to ${profile.range[1]}`);
  else if (profile?.labels) parts.push(`${profile.labels.slice(0, 8).join(", ")}${profile.labels.length > 8 ? ", …" : ""}`);
  if (profile?.missing) parts.push(`${count(profile.missing)} missing`);
  return parts.join("\n");
}

function words(name: string, isGoal: boolean, profile?: Profile): string {
  const parts = [name];
  if (isGoal) parts.push("the objective");
  if (profile?.range) parts.push(`${short(profile.range[0])} to ${short(profile.range[1])}`);
  if (profile?.missing) parts.push(`${count(profile.missing)} missing`);
  if (profile?.narrowed) parts.push("filtered");
  return parts.join(", ");
}

function bars(name: string, profile: Profile, narrow: Narrow): HTMLElement {
  const { bins, now, narrowed } = profile;
  const box = element("span", "tf-bars");
  box.setAttribute("aria-hidden", "true");
  box.title = `${about(name, profile)}\nDrag to filter.`;
  const most = Math.max(1, ...bins);
  bins.forEach((many, at) => {
    const bar = element("i", "");
    bar.style.height = tall(many, most);
    if (now) {
      const part = element("b", "");
      part.style.height = tall(now[at], many || 1);
      bar.classList.add("tf-rest");
      bar.append(part);
    }
    box.append(bar);
  });
  const part = element("span", "tf-part");
  box.append(part);
  show(part, narrowed ?? null);
  drag(box, part, bins.length, narrowed ?? null, narrow);
  return box;
}

const tall = (many: number, most: number) => `${many ? Math.max(8, (100 * many) / most) : 0}%`;

function show(part: HTMLElement, range: [number, number] | null) {
  part.hidden = !range;
  if (range) Object.assign(part.style, { left: `${100 * range[0]}%`, width: `${100 * (range[1] - range[0])}%` });
}

// A drag is a part of the histogram, a click one bar; a click on a filtered one takes the filter back.
function drag(box: HTMLElement, part: HTMLElement, count: number, narrowed: [number, number] | null, narrow: Narrow) {
  let from: number | null = null;
  const share = (event: PointerEvent) => {
    const { left, width } = box.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  const range = (event: PointerEvent): [number, number] => {
    const to = share(event);
    return from! < to ? [from!, to] : [to, from!];
  };
  const isClick = ([low, high]: [number, number]) => (high - low) * box.clientWidth < CLICK;
  // Else the grid sorts by the column, or makes it wider.
  for (const kind of ["mousedown", "click", "dblclick"] as const) box.addEventListener(kind, (event) => event.stopPropagation());
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    box.setPointerCapture(event.pointerId);
    from = share(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (from !== null && !isClick(range(event))) show(part, range(event));
  });
  box.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const now = range(event);
    const bin = Math.min(count - 1, Math.floor(now[0] * count));
    from = null;
    if (!isClick(now)) narrow(...now);
    else if (narrowed) narrow(0, 1);
    else narrow(bin / count, (bin + 1) / count);
  });
  box.addEventListener("pointercancel", () => ((from = null), show(part, narrowed)));
}

export function element(tag: string, name: string, text = ""): HTMLElement {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  return node;
}
