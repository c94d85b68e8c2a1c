// What all kinds of figures are: something that is laid out, drawn in three layers, and asked what is at a place.
import { counted } from "../core/look";
import { Brush } from "./brush";
import type { Box, Pen } from "./canvas";
import type { Scale } from "./scale";
import type { Line } from "./tip";
import type { Figure, Look } from "./types";
import { Rows } from "./rows";
import { bare, plain, told } from "./words";

export type View = { look: Look; isFiltered: boolean; hover: number; isFocused: boolean; isDragged: boolean };

export abstract class Chart {
  brush = new Brush([], null);
  readonly names: string[]; // of the axes, short
  readonly hasJobs: boolean = true; // whether what is at a place is a job
  rows: Rows;

  constructor(readonly figure: Figure, look: Look) {
    this.names = bare(figure.axes.map(({ name }) => name));
    const last = figure.axes[figure.axes.length - 1] ?? { name: "", labels: null, log: false, values: new Float32Array() };
    this.rows = new Rows(figure.axes, last, look);
  }

  // Why there is nothing to be drawn.
  abstract nothing(): string | null;
  // What is missing or left out.
  abstract notes(view: View): string[];
  abstract layout(pen: Pen, width: number, height: number): void;
  abstract drawAxes(pen: Pen, view: View): void;
  abstract drawRows(pen: Pen, view: View): void;
  abstract drawFront(pen: Pen, view: View): void;
  // Where notes are, on the right: at the foot, if nothing else is there.
  noteRoom(_pen: Pen, width: number, height: number): { y: number; most: number } {
    return { y: height - 8, most: width - 16 };
  }

  protected title(k: number) {
    return this.names[k] + (this.figure.axes[k].time ? ", since the first" : "");
  }

  // The row, or whatever else has a place, at a point; -1, if there is none.
  abstract at(x: number, y: number, view: View): number;

  tip(at: number, { look }: View): Line[] {
    const axes = this.figure.axes.map((axis, k) => [axis, this.names[k]] as const);
    const unique = axes.filter(([axis], k) => axes.findIndex(([other]) => other.name === axis.name) === k);
    const key = this.figure.keys[at] ?? "";
    return [[`job ${key}`, at === look.best ? "best" : ""], ...unique.map(([axis, name]): Line => [name, told(axis, axis.values[at])])];
  }

  // The row that is hovered or chosen where a place stands for several.
  rowOf(at: number): number {
    return at;
  }

  protected track(scale: Scale, isVertical: boolean, { left, top, width, height }: Box, across = 0) {
    return { scale, isVertical, start: isVertical ? top + height : left, reach: isVertical ? -height : width, across };
  }

  // The same brush on new places.
  protected place(brush: Brush) {
    brush.follow(this.brush);
    this.brush = brush;
  }
}

export function gaps(scale: Scale, name: string): string[] {
  const { missing, infinite, below, isOne, bands, axis } = scale;
  return [
    missing && `${counted(missing, "job")} without ${name}`,
    infinite && `${counted(infinite, "job")} with infinite ${name}`,
    below && `${counted(below, "job")} with ${name} not above 0`,
    isOne && !(bands && bands.length > 1) && `${name} is ${plain(told(axis, scale.low))} in all`,
  ].filter((note) => typeof note === "string");
}

export const without = (names: string[]) => `No job has ${names.join(" and ")}.`;
