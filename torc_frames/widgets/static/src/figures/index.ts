export { Drawing } from "./drawing";
export type { Axis, Figure, Kind, Listeners, Look, Ranges } from "./types";
