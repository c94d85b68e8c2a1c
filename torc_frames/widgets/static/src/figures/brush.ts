// A brush as spans of axes: what a drag from a place does to them, and what keys do.
import { contains, type Box } from "./canvas";
import type { Scale, Span } from "./scale";
import type { Ranges } from "./types";
import { told } from "./words";

// An axis that can be brushed. start: the pixel of share 0, reach: how far share 1 is (negative upwards).
export type Track = { scale: Scale; isVertical: boolean; start: number; reach: number; across: number };
type Part = "new" | "move" | "low" | "high";
type Grip = { tracks: number[]; parts: Part[]; from: number[]; before: (Span | null)[] };

const NEAR = 5;
const HALF = 8; // of the width of a brush on an axis
const STEP = 1 / 40;
const KEYS: Record<string, [boolean, number]> = { ArrowRight: [false, 1], ArrowLeft: [false, -1], ArrowUp: [true, 1], ArrowDown: [true, -1] };

const clamp = (share: number) => Math.max(0, Math.min(1, share));

export class Brush {
  spans: (Span | null)[];
  focus = 0; // the axis that keys move, where axes are side by side
  private grip: Grip | null = null;
  private shown: { span: Span | null; range: [number, number] }[] = []; // what was asked for, exactly

  // With a box a brush is one rectangle over all axes; without, each axis has its own.
  constructor(readonly tracks: Track[], readonly box: Box | null) {
    this.spans = tracks.map(() => null);
  }

  get isDragged() {
    return this.grip !== null;
  }

  get isSet() {
    return this.spans.some(Boolean);
  }

  // Goes on from what was there before the figure got another size, also within a drag.
  follow({ spans, focus, grip, shown }: Brush) {
    if (spans.length === this.tracks.length) [this.spans, this.focus, this.grip, this.shown] = [spans, focus, grip, shown];
  }

  show(ranges: Ranges) {
    const range = ({ scale }: Track) => (Object.hasOwn(ranges, scale.axis.name) ? ranges[scale.axis.name] : null);
    this.spans = this.tracks.map((track) => range(track) && track.scale.span(range(track)!));
    this.shown = this.tracks.map((track, k) => ({ span: this.spans[k], range: range(track) ?? [NaN, NaN] }));
  }

  ranges(): Ranges {
    return Object.fromEntries(this.tracks.flatMap(({ scale }, k) => {
      const span = this.spans[k];
      if (!span) return [];
      const { span: before, range } = this.shown[k] ?? { span: null, range: null };
      const isAsShown = before !== null && before[0] === span[0] && before[1] === span[1];
      return [[scale.axis.name, isAsShown ? range : scale.range(span)]];
    }));
  }

  text(names: string[]): string {
    const ranges = this.ranges();
    return this.tracks.flatMap(({ scale: { axis } }, k) => {
      const range = ranges[axis.name];
      return range ? [`${names[k]} ${told(axis, range[0])} to ${told(axis, range[1])}`] : [];
    }).join(", ");
  }

  rects(): Box[] {
    if (this.box) return this.isSet ? [this.rect()] : [];
    return this.tracks.flatMap((track, k) => {
      const span = this.spans[k];
      if (!span) return [];
      const [low, high] = pixels(track, span);
      return [{ left: track.across - HALF, width: 2 * HALF, top: high, height: low - high }];
    });
  }

  // By pointer

  cursor(x: number, y: number): string {
    const { tracks, parts } = this.gripAt(x, y);
    const isEdge = parts.map((part) => part === "low" || part === "high");
    if (isEdge.every((edge) => !edge)) return parts.includes("move") ? "move" : "crosshair";
    if (isEdge.filter(Boolean).length === 2) return parts[0] === parts[1] ? "nesw-resize" : "nwse-resize";
    return this.tracks[tracks[isEdge.indexOf(true)]].isVertical ? "ns-resize" : "ew-resize";
  }

  begin(x: number, y: number) {
    this.grip = this.gripAt(x, y);
    if (!this.box && this.grip.tracks.length) this.focus = this.grip.tracks[0];
  }

  drag(x: number, y: number) {
    const { tracks, parts, from, before } = this.grip!;
    tracks.forEach((k, at) => {
      const track = this.tracks[k];
      const to = share(track, x, y);
      const start = from[at];
      const span = before[k];
      if (parts[at] === "new" || !span) this.spans[k] = parts[at] === "move" ? null : sorted(start, to);
      else if (parts[at] === "low") this.spans[k] = sorted(to, span[1]);
      else if (parts[at] === "high") this.spans[k] = sorted(span[0], to);
      else this.spans[k] = moved(span, to - start);
    });
    if (parts[0] === "new" && this.box) this.spans = this.spans.map((span, k) => (tracks.includes(k) ? span : null));
  }

  // Whether a drag that was no drag, a click, was outside of what is brushed; then the brush there is freed.
  click(): boolean {
    const { tracks, parts, before } = this.grip!;
    this.grip = null;
    this.spans = before;
    const had = parts.includes("new") && tracks.some((k) => this.spans[k]);
    if (had) this.spans = this.spans.map((span, k) => (this.box || tracks.includes(k) ? null : span));
    return had;
  }

  end() {
    this.grip = null;
  }

  free() {
    this.grip = null;
    this.spans = this.spans.map(() => null);
  }

  // By keys: arrows move it, with Shift its upper end, Home and End to the ends. Whether it was such a key.
  key({ key, shiftKey }: KeyboardEvent): boolean {
    if (!this.tracks.length) return false;
    const arrow = KEYS[key];
    if (arrow && !this.box && !arrow[0]) {
      this.focus = Math.max(0, Math.min(this.tracks.length - 1, this.focus + arrow[1]));
      return true;
    }
    const at = this.box ? this.tracks.findIndex(({ isVertical }) => isVertical === (arrow ? arrow[0] : !shiftKey && this.lastVertical)) : this.focus;
    if (at < 0 || !(arrow || key === "Home" || key === "End")) return false;
    if (arrow) this.lastVertical = arrow[0];
    const count = this.tracks[at].scale.bands?.length;
    const step = count ? 1 / count : STEP;
    const span = this.spans[at] ?? (count ? [Math.floor(count / 2) * step, (Math.floor(count / 2) + 1) * step] : [0.375, 0.625]);
    if (!this.spans[at]) this.spans[at] = span as Span;
    else if (!arrow) this.spans[at] = moved(span as Span, key === "Home" ? -1 : 1);
    else if (shiftKey) this.spans[at] = [span[0], Math.max(span[0] + step, Math.min(1, span[1] + arrow[1] * step))];
    else this.spans[at] = moved(span as Span, arrow[1] * step);
    return true;
  }
  private lastVertical = false;

  private gripAt(x: number, y: number): Grip {
    const tracks = this.box ? this.tracks.map((_, k) => k) : this.nearest(x);
    const at = (parts: Part[]): Grip => ({ tracks, parts, from: tracks.map((k) => share(this.tracks[k], x, y)), before: [...this.spans] });
    const isOn = this.box ? this.isSet && contains(grown(this.rect(), NEAR), x, y) : tracks.some((k) => this.isAt(k, x, y));
    if (!isOn) return at(tracks.map(() => "new"));
    const parts = tracks.map((k): Part => {
      const span = this.spans[k];
      if (!span) return "move";
      const [low, high] = pixels(this.tracks[k], span);
      const place = this.tracks[k].isVertical ? y : x;
      const [toLow, toHigh] = [Math.abs(place - low), Math.abs(place - high)];
      if (Math.min(toLow, toHigh) > Math.min(NEAR, Math.abs(high - low) / 3 + 1)) return "move";
      return toLow < toHigh ? "low" : "high";
    });
    // An axis whose edge isn't gripped stays as it is while another's edge is.
    return parts.some((part) => part !== "move") ? { ...at(parts.filter((part) => part !== "move")), ...only(tracks, parts, this.tracks, x, y) } : at(parts);
  }

  private isAt(k: number, x: number, y: number) {
    const span = this.spans[k];
    if (!span || Math.abs(x - this.tracks[k].across) > HALF + 4) return false;
    const [low, high] = pixels(this.tracks[k], span);
    return y <= low + NEAR && y >= high - NEAR;
  }

  private nearest(x: number): number[] {
    const far = this.tracks.map(({ across }) => Math.abs(across - x));
    return far.length ? [far.indexOf(Math.min(...far))] : [];
  }

  private rect(): Box {
    const made = { ...this.box! };
    this.tracks.forEach((track, k) => {
      const span = this.spans[k];
      if (!span) return;
      const [low, high] = pixels(track, span);
      Object.assign(made, track.isVertical ? { top: high, height: low - high } : { left: low, width: high - low });
    });
    return made;
  }
}

function only(tracks: number[], parts: Part[], all: Track[], x: number, y: number) {
  const kept = tracks.filter((_, at) => parts[at] !== "move");
  return { tracks: kept, from: kept.map((k) => share(all[k], x, y)) };
}

// The pixels of a span as it is drawn: bands are whole.
function pixels({ scale, start, reach }: Track, span: Span): Span {
  const [low, high] = scale.bands ? (scale.span(scale.range(span)) ?? span) : span;
  return [start + low * reach, start + high * reach];
}

function share({ isVertical, start, reach }: Track, x: number, y: number) {
  return clamp(((isVertical ? y : x) - start) / reach);
}

const sorted = (a: number, b: number): Span => (a <= b ? [a, b] : [b, a]);

function moved([low, high]: Span, by: number): Span {
  const step = Math.max(-low, Math.min(1 - high, by));
  return [low + step, high + step];
}

const grown = ({ left, top, width, height }: Box, by: number): Box => ({ left: left - by, top: top - by, width: width + 2 * by, height: height + 2 * by });
