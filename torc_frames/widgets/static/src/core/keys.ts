// Keys and the right click that are the app's, not those of the notebook around it, where "a" and "dd" are
// commands. All but Ctrl+S, which saves the notebook from everywhere.

export const saves = (event: KeyboardEvent) => (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "s";

export function keepKeys(root: HTMLElement): void {
  // Lumino, which has the notebook's keys, may see them first, but passes over a node that is so marked.
  root.addEventListener("focusin", ({ target }) => (target as Element).setAttribute("data-lm-suppress-shortcuts", "true"));
  for (const kind of ["keydown", "keyup", "keypress"] as const) {
    root.addEventListener(kind, (event) => {
      if (kind === "keydown" && saves(event)) repeat(root, event);
      event.stopPropagation();
    });
  }
  // "Delete Cell" of JupyterLab's menu would be the notebook's cell.
  root.setAttribute("data-jp-suppress-context-menu", "");
  root.addEventListener("contextmenu", (event) => event.stopPropagation());
}

// The node that has the focus is passed over by Lumino: the key is repeated outside of the app.
function repeat(root: HTMLElement, event: KeyboardEvent): void {
  const { key, code, keyCode, ctrlKey, metaKey } = event;
  const again = new KeyboardEvent("keydown", { key, code, keyCode, ctrlKey, metaKey, bubbles: true, cancelable: true, composed: true });
  if (!root.parentElement?.dispatchEvent(again)) event.preventDefault();
}
