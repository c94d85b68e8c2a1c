// The grid of torc_frames: paints what Python holds, and sends back what is done to it.
import { View } from "./view.js";

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.destroy();
}

export { View };
export default { render };
