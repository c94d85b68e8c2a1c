// Keeps keys that are pressed in a widget from the notebook around it, where "a" and "dd" are commands.
// All but Ctrl+S, which saves the notebook from everywhere.
const saves = (event) => (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";

function render({ el }) {
  let root;
  let frame;
  // Lumino, which has the notebook's keys, may see them first, but passes over what is so marked.
  const mark = (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", !saves(event));
  };
  const keep = (event) => {
    if (!saves(event)) event.stopPropagation();
  };
  // The widget is put on the page some time after this.
  const find = () => {
    root = el.closest(".tf-widget");
    if (!root) {
      frame = requestAnimationFrame(find);
      return;
    }
    window.addEventListener("keydown", mark, true);
    root.addEventListener("keydown", keep);
  };
  find();
  return () => {
    cancelAnimationFrame(frame);
    window.removeEventListener("keydown", mark, true);
    root?.removeEventListener("keydown", keep);
  };
}

export default { render };
