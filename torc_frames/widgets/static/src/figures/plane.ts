// A box with an axis below and one at its left.
import type { Align, Box, Pen } from "./canvas";
import { type Scale } from "./scale";
import { ticks, type Tick } from "./ticks";

const TOP = 28;
const RIGHT = 16;
const BELOW = 42; // ticks and the name of the axis
const MOST_LEFT = 120;
const TALL = 20;

export class Plane {
  readonly box: Box;
  private readonly across: Tick[];
  private readonly up: Tick[];
  readonly isSmall: boolean;

  constructor(pen: Pen, readonly x: Scale, readonly y: Scale, width: number, height: number, isSquare = false) {
    const inner = Math.max(20, height - TOP - BELOW);
    this.up = ticks(y, inner, () => TALL);
    const widest = Math.max(0, ...this.up.map(({ text }) => pen.wide(text)));
    const left = Math.round(Math.min(Math.max(widest + 20, 40), MOST_LEFT, width * 0.35));
    const room = Math.max(20, width - left - RIGHT);
    const wide = isSquare ? Math.min(room, inner) : room;
    this.box = { left, top: TOP, width: wide, height: isSquare ? wide : inner };
    this.across = ticks(x, wide, (text) => pen.wide(text) + 12);
    this.isSmall = inner <= 20 || room <= 20;
  }

  left = (share: number) => this.box.left + share * this.box.width;
  top = (share: number) => this.box.top + (1 - share) * this.box.height;

  pixels(scale: Scale, isVertical: boolean, share = (at: number) => scale.places[at]): Float32Array {
    return scale.places.map((_, at) => (isVertical ? this.top(share(at)) : this.left(share(at))));
  }

  // Beside the name of the upper axis, or, where a legend is, beside that of the lower.
  noteRoom(pen: Pen, width: number, height: number, names: [string, string], hasLegend: boolean) {
    if (!hasLegend) return { y: 12, most: width - Math.min(pen.wide(names[1], true), width * 0.45) - 40 };
    return { y: height - 12, most: width - (this.box.left + this.box.width / 2 + pen.wide(names[0], true) / 2) - 24 };
  }

  // Lines and ticks; between bands there are no lines, as bands have no edge to be read at.
  draw(pen: Pen, names: [string, string], areLines = true) {
    const { left, top, width, height } = this.box;
    const line = pen.ink.css("line");
    const room = (scale: Scale, shown: Tick[], length: number) => (scale.bands && scale.areNamed ? Math.max(40, length / Math.max(1, shown.length) - 8) : Infinity);
    for (const { at, text } of this.across) {
      const x = Math.round(this.left(at)) + 0.5;
      if (areLines) pen.line(x, top, x, top + height, line);
      const most = room(this.x, this.across, width);
      const half = Math.min(most, pen.wide(text)) / 2;
      const align: Align = "center";
      const inside = Math.max(half + 2, Math.min(left + width + RIGHT - half - 2, x));
      pen.text(text, inside, top + height + 12, { align, most });
    }
    for (const { at, text } of this.up) {
      const y = Math.round(this.top(at)) + 0.5;
      if (areLines) pen.line(left, y, left + width, y, line);
      pen.text(text, left - 8, y, { align: "right", most: left - 16 });
    }
    if (areLines) pen.line(left, Math.round(top + height) + 0.5, left + width, Math.round(top + height) + 0.5, pen.ink.css("muted", 0.6));
    pen.text(names[0], left + width / 2, top + height + 30, { align: "center", bold: true, colour: pen.ink.css("ink"), most: width });
    pen.text(names[1], 8, 12, { bold: true, colour: pen.ink.css("ink"), most: Math.max(60, width * 0.45) });
  }
}
