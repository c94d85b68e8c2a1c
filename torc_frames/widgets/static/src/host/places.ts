// Where the page is: the list, or one workflow and what is shown of it. Addresses say so; back and reload work.
import { signal } from "@preact/signals";

export type Place = { workflow: string; tab: string } | null;

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

export const pathOf = (workflow: string, tab = FIRST) => `/w/${encodeURIComponent(workflow)}/${tab}`;

function placeOf(path: string): Place {
  const found = /^\/w\/([^/]+)(?:\/([^/]*))?/.exec(path);
  return found && { workflow: decodeURIComponent(found[1]), tab: found[2] && found[2] in TABS ? found[2] : FIRST };
}

/** Follow links without loading the page anew. */
export function followLinks(): void {
  window.addEventListener("popstate", () => (place.value = placeOf(location.pathname)));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[data-tf-place]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const path = link.getAttribute("href")!;
    if (path !== location.pathname) history.pushState(null, "", path);
    place.value = placeOf(path);
  });
}
