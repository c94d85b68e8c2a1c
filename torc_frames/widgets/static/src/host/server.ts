// What the pages ask the server, and how they get in.
import { signal } from "@preact/signals";

export type Workflow = {
  key: string;
  name: string;
  description: string;
  user: string;
  tags: string[];
  created: string;
  archived: boolean;
  jobs: number;
  statuses: Record<string, number>;
};
export type Overview = { store: string; editors: string[]; workflows: Workflow[] };

const AGAIN_MS = 10_000;
const GONE = "The server does not answer. This page tries again.";

/** All workflows, null until they are known. */
export const overview = signal<Overview | null>(null);
/** Why they are not, or are old. */
export const fault = signal("");
/** Whether the server knows this browser: else the token has to be shown. */
export const isKnown = signal(true);

/** Show the server the token; returns why that was in vain. */
export async function enter(token: string): Promise<string> {
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/enter", { method: "POST", headers, body: JSON.stringify({ token }) });
    if (!answer.ok) return (await answer.json()).errorMessage;
  } catch {
    return GONE;
  }
  isKnown.value = true;
  await look();
  return "";
}

/** Ask for the workflows. */
export async function look(): Promise<void> {
  try {
    const answer = await fetch("/api/workflows");
    isKnown.value = answer.status !== 401;
    if (answer.ok) overview.value = await answer.json();
    fault.value = answer.ok || !isKnown.value ? "" : (await answer.json()).errorMessage;
  } catch {
    fault.value = GONE;
  }
}

/** Keep on asking while somebody looks. */
export function keepLooking(): void {
  const again = async () => {
    if (document.visibilityState === "visible" && isKnown.value) await look();
    setTimeout(again, AGAIN_MS);
  };
  setTimeout(again, AGAIN_MS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && isKnown.value && look());
}
