// Durations and moments, as precise as one cares.
export function span(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 100) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return parts(hours, "h", minutes % 60, "min");
  return parts(Math.floor(hours / 24), "days", hours % 24, "h");
}

const parts = (many: number, unit: string, rest: number, below: string) => `${many} ${unit}${rest ? ` ${rest} ${below}` : ""}`;

/** A time of this day, or a day with its time. */
export function moment(ms: number, withSeconds = false): string {
  const [when, today] = [new Date(ms), new Date()];
  const time = when.toLocaleTimeString("en-GB", withSeconds ? {} : { hour: "2-digit", minute: "2-digit" });
  return when.toDateString() === today.toDateString() ? time : `${when.toLocaleDateString("sv")} ${time}`;
}
