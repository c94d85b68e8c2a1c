// Light or dark, by what is painted behind the app: hosts tell it each in their way, or not at all.
import { signal, type ReadonlySignal } from "@preact/signals";

export type Theme = ReadonlySignal<"light" | "dark"> & { stop: () => void };

export function followTheme(root: HTMLElement): Theme {
  const theme = signal<"light" | "dark">("light");
  const look = () => {
    theme.value = lightness(behind(root)) < 0.4 ? "dark" : "light";
    root.dataset.theme = theme.value;
  };
  let frame = 0;
  const later = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(look);
  };
  const observer = new MutationObserver(later);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", later);
  look();
  // A host may put the widget on its page, and its own sheets, some time later.
  later();
  const stop = () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    system.removeEventListener("change", later);
  };
  return Object.assign(theme, { stop });
}

// The colour of the first node around the app that has one, out of shadow trees, too.
function behind(root: HTMLElement): string {
  let node: Node | null = parent(root);
  for (; node; node = parent(node)) {
    if (!(node instanceof Element)) continue;
    const colour = getComputedStyle(node).backgroundColor;
    if (colour !== "transparent" && !/, 0\)$/.test(colour)) return colour;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(root).colorScheme !== "light" ? "#000" : "#fff";
}

const parent = (node: Node): Node | null => node.parentNode ?? (node as Partial<ShadowRoot>).host ?? null;

function lightness(colour: string): number {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}
