// What is said beside the pointer. Texts of a store are only ever text.
import { plain } from "./words";

export type Line = [name: string, value: string];

const GAP = 14;

export class Tip {
  private readonly node = document.createElement("div");

  constructor(private readonly el: HTMLElement) {
    this.node.className = "tf-figure-tip";
    this.node.setAttribute("aria-hidden", "true"); // the table says it to those who can't see it
    this.node.style.cssText =
      "position: absolute; z-index: 5; pointer-events: none; max-width: min(320px, 90%); max-height: 100%; box-sizing: border-box; overflow: hidden;" +
      "padding: 6px 10px; border: 1px solid var(--tf-line); border-radius: 6px; background: var(--tf-raised); color: var(--tf-ink);" +
      "box-shadow: 0 4px 16px rgb(0 0 0 / 18%); font-size: 12px; line-height: 1.5; font-variant-numeric: tabular-nums";
    this.hide();
    el.append(this.node);
  }

  hide() {
    this.node.hidden = true;
  }

  show(lines: Line[], x: number, y: number) {
    const { el, node } = this;
    const most = Math.max(2, Math.floor((el.clientHeight - 14) / 18));
    const shown = lines.length > most ? [...lines.slice(0, most - 1), [`and ${lines.length - most + 1} more`, ""] as Line] : lines;
    node.replaceChildren(...shown.map((line, at) => row(line, at === 0)));
    node.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = node;
    const left = x + GAP + width <= el.clientWidth ? x + GAP : x - GAP - width;
    const top = Math.max(0, Math.min(el.clientHeight - height, y - height / 2));
    Object.assign(node.style, { left: `${Math.max(0, Math.min(el.clientWidth - width, left))}px`, top: `${top}px` });
  }

  remove() {
    this.node.remove();
  }
}

function row([name, value]: Line, isFirst: boolean): HTMLElement {
  const made = document.createElement("div");
  made.style.cssText = `display: flex; gap: 16px; justify-content: space-between;${isFirst ? "font-weight: 650" : ""}`;
  const [left, right] = [name, value].map((text) => {
    const part = made.appendChild(document.createElement("span"));
    part.textContent = plain(text);
    part.style.overflowWrap = "anywhere";
    return part;
  });
  if (!isFirst) left.style.color = "var(--tf-muted)";
  right.style.cssText += "flex: none; max-width: 65%; text-align: right";
  if (!value) right.remove();
  return made;
}
