// Rows as points: circles while they are few, pixels of our own making when they are many.
import type { Pen, Box } from "./canvas";
import { css, type Rgba } from "./ink";
import { NONE, type Rows } from "./rows";

const MANY = 3_000;
const OFF = 0.3; // how much is seen of a row that isn't picked

export type Painted = { x: Float32Array; y: Float32Array; rows: Rows; colour(shade: number): Rgba; box: Box; isFiltered: boolean; square?: (shade: number) => boolean };

export const radiusOf = (count: number) => (count > 30_000 ? 1 : count > 4_000 ? 1.75 : count > 1_000 ? 2.5 : count > 300 ? 3.25 : 4);

export function points(pen: Pen, what: Painted) {
  if (what.rows.count > MANY) return pixels(pen, what);
  if (what.isFiltered) circles(pen, what, 0);
  circles(pen, what, 1);
}

function circles(pen: Pen, { x, y, rows, colour, square }: Painted, on: 0 | 1) {
  const { g } = pen;
  const radius = radiusOf(rows.count);
  for (let from = 0, to = 0; from < rows.count; from = to) {
    const shade = rows.shades[rows.order[from]];
    g.beginPath();
    for (to = from; to < rows.count && rows.shades[rows.order[to]] === shade; to++) {
      const at = rows.order[to];
      if (rows.on[at] !== on || Number.isNaN(x[at] + y[at])) continue;
      if (square?.(shade)) g.rect(x[at] - radius, y[at] - radius, 2 * radius, 2 * radius);
      else pen.circle(x[at], y[at], shade === NONE ? radius - 0.75 : radius);
    }
    if (!on) {
      g.fillStyle = pen.ink.css("muted", OFF);
      g.fill();
    } else if (shade === NONE) {
      Object.assign(g, { strokeStyle: pen.ink.css("muted"), lineWidth: 1.5 });
      g.stroke();
    } else {
      g.fillStyle = css(colour(shade), 0.92);
      g.fill();
      if (radius > 2) outline(g, Math.min(0.75, 1 / pen.ratio));
    }
  }
}

// Points that touch are told apart: their edge is taken away, so that the page's colour is seen.
function outline(g: CanvasRenderingContext2D, lineWidth: number) {
  g.save();
  Object.assign(g, { globalCompositeOperation: "destination-out", lineWidth, strokeStyle: "#000" });
  g.stroke();
  g.restore();
}

// A hundred thousand circles of a canvas take 150 ms, their pixels less than 20.
function pixels(pen: Pen, { x, y, rows, colour, box, isFiltered }: Painted) {
  const { ratio } = pen;
  const radius = radiusOf(rows.count) * ratio;
  const margin = 8;
  const [left, top] = [Math.floor((box.left - margin) * ratio), Math.floor((box.top - margin) * ratio)];
  const width = Math.ceil((box.width + 2 * margin) * ratio);
  const height = Math.ceil((box.height + 2 * margin) * ratio);
  const image = new ImageData(width, height);
  const disc = discOf(radius, width);
  const off = pen.ink.rgba("muted");
  const colours = Array.from({ length: 256 }, (_, shade) => (shade === NONE ? off : null)) as Rgba[];
  for (const on of isFiltered ? [0, 1] : [1]) {
    for (const at of rows.order) {
      if (rows.on[at] !== on) continue;
      const [px, py] = [Math.round(x[at] * ratio) - left, Math.round(y[at] * ratio) - top];
      if (!(px >= disc.reach && py >= disc.reach && px < width - disc.reach && py < height - disc.reach)) continue;
      const shade = rows.shades[at];
      stamp(image.data, py * width + px, disc, on ? (colours[shade] ??= colour(shade)) : off, on ? 0.92 : OFF, !on);
    }
  }
  const layer = new OffscreenCanvas(width, height);
  layer.getContext("2d")!.putImageData(image, 0, 0);
  pen.g.drawImage(layer, left / ratio, top / ratio, width / ratio, height / ratio);
}

type Disc = { reach: number; offsets: Int32Array; covers: Float32Array };

function discOf(radius: number, width: number): Disc {
  const reach = Math.ceil(radius);
  const [offsets, covers]: [number[], number[]] = [[], []];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));
      if (cover > 0.1) offsets.push(dy * width + dx), covers.push(cover);
    }
  }
  return { reach, offsets: Int32Array.from(offsets), covers: Float32Array.from(covers) };
}

function stamp(data: Uint8ClampedArray, centre: number, { offsets, covers }: Disc, [red, green, blue, alpha]: Rgba, times: number, isFlat: boolean) {
  for (let k = 0; k < offsets.length; k++) {
    const at = (centre + offsets[k]) * 4;
    const above = covers[k] * alpha * times;
    if (isFlat && data[at + 3] >= above * 255) continue; // a crowd of grey is no darker than one
    const below = (data[at + 3] / 255) * (1 - above);
    const whole = above + below;
    data[at] = (red * above + data[at] * below) / whole;
    data[at + 1] = (green * above + data[at + 1] * below) / whole;
    data[at + 2] = (blue * above + data[at + 2] * below) / whole;
    data[at + 3] = whole * 255;
  }
}
