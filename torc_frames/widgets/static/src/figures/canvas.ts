// Canvases on top of each other, as sharp as the screen, and a pen that writes on one of them.
import type { Ink } from "./ink";
import { plain } from "./words";

export type Box = { left: number; top: number; width: number; height: number };
export type Align = "left" | "center" | "right";
type Writing = { align?: Align; most?: number; bold?: boolean; colour?: string; halo?: boolean };

export const contains = ({ left, top, width, height }: Box, x: number, y: number) => x >= left && x <= left + width && y >= top && y <= top + height;

// From back to front: axes, rows, what moves.
export class Stack {
  readonly canvases: HTMLCanvasElement[];
  width = 0;
  height = 0;
  ratio = 1;

  constructor(el: HTMLElement) {
    if (getComputedStyle(el).position === "static") el.style.position = "relative";
    this.canvases = ["axes", "rows", "front"].map((name) => {
      const canvas = el.appendChild(document.createElement("canvas"));
      canvas.dataset.layer = name;
      canvas.style.cssText = "position: absolute; inset: 0; outline-offset: -2px";
      return canvas;
    });
  }

  get front() {
    return this.canvases[2];
  }

  fit(el: HTMLElement): boolean {
    [this.width, this.height, this.ratio] = [el.clientWidth, el.clientHeight, devicePixelRatio || 1];
    for (const canvas of this.canvases) {
      Object.assign(canvas, { width: Math.round(this.width * this.ratio), height: Math.round(this.height * this.ratio) });
      Object.assign(canvas.style, { width: `${this.width}px`, height: `${this.height}px` });
    }
    return this.width > 0 && this.height > 0;
  }

  pen(at: number, ink: Ink): Pen {
    return new Pen(this.canvases[at], this.ratio, ink);
  }
}

// Another layer of the same size, which is kept while what is above it changes.
export function aside(like: Pen): Pen {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: like.g.canvas.width, height: like.g.canvas.height });
  return new Pen(canvas, like.ratio, like.ink);
}

export class Pen {
  readonly g: CanvasRenderingContext2D;
  readonly cut: { box: Box; whole: string }[] = []; // texts that had no room

  constructor(canvas: HTMLCanvasElement, readonly ratio: number, readonly ink: Ink) {
    this.g = canvas.getContext("2d")!;
    this.g.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.font();
  }

  clear() {
    this.g.clearRect(0, 0, this.g.canvas.width / this.ratio, this.g.canvas.height / this.ratio);
    this.cut.length = 0;
  }

  font(isBold = false) {
    this.g.font = `${isBold ? "600 " : ""}11px ${this.ink.font}`;
  }

  wide(text: string, isBold = false): number {
    this.font(isBold);
    return this.g.measureText(text).width;
  }

  line(x0: number, y0: number, x1: number, y1: number, colour: string, width = 1) {
    const { g } = this;
    Object.assign(g, { strokeStyle: colour, lineWidth: width });
    g.beginPath();
    g.moveTo(x0, y0);
    g.lineTo(x1, y1);
    g.stroke();
  }

  circle(x: number, y: number, radius: number) {
    this.g.moveTo(x + radius, y);
    this.g.arc(x, y, radius, 0, 2 * Math.PI);
  }

  // Text beside a point, at the height of its middle. A halo takes away what is below it, whatever the page's colour.
  text(given: string, x: number, y: number, { align = "left", most = Infinity, bold = false, colour = this.ink.css("muted"), halo = false }: Writing = {}): Box {
    const { g } = this;
    const whole = plain(given);
    const shown = this.fit(whole, most, bold);
    const width = this.wide(shown, bold);
    const left = align === "left" ? x : align === "right" ? x - width : x - width / 2;
    const box = { left: left - 3, top: y - 7, width: width + 6, height: 14 };
    if (shown !== whole || given.length > 200) this.cut.push({ box, whole: given });
    if (halo) this.erase(box);
    Object.assign(g, { textAlign: "left", textBaseline: "middle", fillStyle: colour });
    g.fillText(shown, left, y + 0.5);
    return box;
  }

  erase({ left, top, width, height }: Box, strength = 0.88) {
    const { g } = this;
    g.save();
    Object.assign(g, { globalCompositeOperation: "destination-out", globalAlpha: strength, fillStyle: "#000" });
    g.beginPath();
    g.roundRect(left, top, width, height, 4);
    g.fill();
    g.restore();
  }

  // As much of a text as there is room for, and an ellipsis: in the middle, as names often differ at their end.
  fit(text: string, most: number, isBold = false): string {
    if (this.wide(text, isBold) <= most) return text;
    let [low, high] = [0, text.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.g.measureText(shortened(text, middle)).width <= most) low = middle;
      else high = middle - 1;
    }
    return shortened(text, low);
  }
}

const shortened = (text: string, kept: number) => `${text.slice(0, Math.ceil(kept / 2)).trimEnd()}…${kept > 1 ? text.slice(-Math.floor(kept / 2)).trimStart() : ""}`;
