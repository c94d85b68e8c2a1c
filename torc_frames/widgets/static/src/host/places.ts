// Where the page is: the list, or one workflow and what is shown of it. Addresses say so; back and reload work.
import { signal } from "@preact/signals";

export type Place = { workflow: string; tab: string; job: string } | null;

export const TABS: Record<string, string> = {
  results: "Results",
  parameters: "Parameters",
  monitor: "Monitor",
  sweep: "Sweep",
  records: "Records",
  report: "Report",
};

const FIRST = "results";

export const place = signal(placeOf(location.pathname));

export const pathOf = (...parts: string[]) => `/w/${(parts.length < 2 ? [...parts, FIRST] : parts).map(encodeURIComponent).join("/")}`;

function placeOf(path: string): Place {
  const found = /^\/w\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?/.exec(path);
  if (!found) return null;
  const [workflow, tab, job] = found.slice(1).map((part) => decodeURIComponent(part ?? ""));
  return { workflow, tab: tab in TABS ? tab : FIRST, job };
}

/** Show another place, and say so in the address. */
export function go(path: string): void {
  if (path !== location.pathname) history.pushState(null, "", path);
  place.value = placeOf(path);
}

/** Follow links without loading the page anew. */
export function followLinks(): void {
  window.addEventListener("popstate", () => (place.value = placeOf(location.pathname)));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[data-tf-place]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.getAttribute("href")!);
  });
}
