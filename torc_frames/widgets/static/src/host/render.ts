// Showing a widget: its module is run, as anywidget runs it in notebooks.

import type { Model } from "./model";

type Clean = void | (() => void | Promise<void>);
type Parts = {
  initialize?(of: object): Clean | Promise<Clean>;
  render?(of: object): Clean | Promise<Clean>;
};

const modules = new Map<string, Promise<any>>();

function imported(text: string): Promise<any> {
  let found = modules.get(text);
  if (!found) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    found = import(url).finally(() => URL.revokeObjectURL(url));
    modules.set(text, found);
  }
  return found;
}

/** Show a widget in an element; returns what takes it away again. */
export async function render(model: Model, el: HTMLElement): Promise<() => void> {
  const module = await imported(model.get("_esm"));
  const parts: Parts = typeof module.default === "function" ? await module.default() : module.default;
  const aborted = new AbortController();
  const cleans: Clean[] = [];
  const style = document.createElement("style");
  style.textContent = model.get("_css") ?? "";
  const inside = document.createElement("div");
  el.replaceChildren(style, inside);
  const of = { model, el: inside, signal: aborted.signal, experimental: {} };
  cleans.push(await parts.initialize?.(of), await parts.render?.(of));
  return () => {
    aborted.abort();
    for (const clean of cleans) clean?.();
    el.replaceChildren();
  };
}
