// Keeps keys that are pressed in a widget from the notebook around it, where "a" and "dd" are commands.
// All but Ctrl+S, which saves the notebook from everywhere. And keeps its menu from a right click, which has
// the browser's instead: "Delete Cell" would be the notebook's cell.
const saves = (event) => (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";

function render({ el }) {
  let root;
  let frame;
  const before = (event) => {
    if (!root.contains(event.target)) return;
    // Lumino, which has the notebook's keys, may see them first, but passes over what is so marked.
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !saves(event));
    // The text fields of ipywidgets keep all keys: this one is repeated outside of them.
    if (saves(event) && event.target.closest(".widget-inline-hbox")) {
      event.stopImmediatePropagation();
      if (!root.parentElement.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
    }
  };
  const after = (event) => {
    if (event.key === "Escape") event.target.closest(".tf-ask")?.querySelector(".tf-cancel").click();
    if (!saves(event)) event.stopPropagation();
  };
  const stop = (event) => event.stopPropagation();
  // The widget is put on the page some time after this.
  const find = () => {
    root = el.closest(".tf-widget");
    if (!root) {
      frame = requestAnimationFrame(find);
      return;
    }
    window.addEventListener("keydown", before, true);
    root.addEventListener("keydown", after);
    root.addEventListener("contextmenu", stop);
    root.setAttribute("data-jp-suppress-context-menu", "");
  };
  find();
  return () => {
    cancelAnimationFrame(frame);
    window.removeEventListener("keydown", before, true);
    root?.removeEventListener("keydown", after);
    root?.removeEventListener("contextmenu", stop);
  };
}

export default { render };
