// The module of all editors: it draws the one that the widget's `_editor` names.
import { type ComponentType, render as mount } from "preact";
import sheet from "sheets";
import { type Asset, Bridge, type Model } from "./core/bridge";
import { keepKeys } from "./core/keys";
import { followTheme, type Theme } from "./core/theme";
import { Explorer } from "./editors/results/explorer";
import { ParameterEditor } from "./editors/parameters/editor";
import { Monitor } from "./editors/progress/monitor";
import { SweepBuilder } from "./editors/sweeps/builder";
import { Frame } from "./ui/frame";
import { Grid } from "./ui/grid";

export { View } from "./grid/view.js";

export type EditorProps<State extends object = any> = { bridge: Bridge<State>; theme: Theme };

const EDITORS: Record<string, ComponentType<EditorProps>> = {
  parameters: ParameterEditor,
  grid: ({ bridge }) => <Grid bridge={bridge} part="grid" />,
  results: Explorer,
  progress: Monitor,
  sweeps: SweepBuilder,
};

export function render({ model, el, asset }: { model: Model; el: HTMLElement; asset: Asset }) {
  const Editor = EDITORS[model.get("_editor")];
  const root = document.createElement("div");
  root.className = "tf-app";
  root.dataset.editor = model.get("_editor");
  el.append(root);
  dress(root.getRootNode());
  const show = hideStill(model.get("_key"));
  keepKeys(root);
  const theme = followTheme(root);
  const bridge = new Bridge<object>(model, asset);
  mount(
    <Frame bridge={bridge}>
      <Editor bridge={bridge} theme={theme} />
    </Frame>,
    root,
  );
  return () => {
    mount(null, root);
    bridge.destroy();
    theme.stop();
    root.remove();
    show();
  };
}

// The still of the widget, which a notebook keeps for where no kernel answers, is not shown beside it.
function hideStill(key: string) {
  const hidden = [...document.querySelectorAll<HTMLElement>(`[data-torc-frames="${CSS.escape(key)}"]`)].map(
    (still) => still.closest<HTMLElement>(".jp-OutputArea-child") ?? still,
  );
  for (const node of hidden) node.style.display = "none";
  return () => hidden.forEach((node) => (node.style.display = ""));
}

// The sheet is once in a page, or in a shadow root; until el is put on the page, its root is el's own.
export function dress(root: Node) {
  const place = root instanceof ShadowRoot ? root : document.head;
  if ([...place.querySelectorAll("style[data-torc-frames]")].some((each) => each.textContent === sheet)) return;
  const style = document.createElement("style");
  style.dataset.torcFrames = "";
  style.textContent = sheet;
  place.append(style);
}
